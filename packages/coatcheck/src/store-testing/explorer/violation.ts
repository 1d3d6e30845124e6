/** A promise that did not hold in some order; `explore` adds which order that was. */
export class InterleavingViolation extends Error {
  override readonly name: string = 'InterleavingViolation'
}

/** The first promises that did not hold. Collected rather than thrown, since the code under test may swallow what is thrown at it. */
export class Violations {
  readonly #all: InterleavingViolation[] = []

  /** `promise`: its short name, such as `P1`. */
  add(promise: string, message: string): void {
    if (this.#all.length < MOST) this.#all.push(new InterleavingViolation(`${promise}: ${message}`))
  }

  get first(): InterleavingViolation | null {
    return this.#all[0] ?? null
  }
}

const MOST = 10
