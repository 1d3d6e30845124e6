import type { SessionStore } from '../../src/core/store.ts'

type Side = 'login' | 'notice'

/** Which of two sides goes next, step by step; a side that has come to its end is passed over. */
export class Turns {
  readonly #order: readonly Side[]
  readonly #waiting = new Map<Side, () => void>()
  readonly #done = new Set<Side>()
  #next = 0
  #isOn = false
  readonly #went: Side[] = []

  constructor(order: readonly Side[]) {
    this.#order = order
  }

  /** The store as one side calls it: each call that the other may care about is a step that waits for its turn. */
  storeOf(side: Side, store: SessionStore): SessionStore {
    const steps = new Set<PropertyKey>(['list', 'replace', 'end'])
    return new Proxy(store, {
      get: (target, name: keyof SessionStore) => {
        const member = target[name]
        if (typeof member !== 'function') return member
        const call = member.bind(target) as (...values: readonly unknown[]) => unknown
        if (!steps.has(name)) return call
        return async (...values: readonly unknown[]) => {
          if (this.#isOn) await this.#turnOf(side)
          return call(...values)
        }
      },
    })
  }

  /** Runs both sides to their end. */
  async run(sides: Readonly<Record<Side, () => Promise<unknown>>>): Promise<void> {
    const finish = async (side: Side) => {
      try {
        await sides[side]()
      } finally {
        this.#done.add(side)
        this.#grant()
      }
    }
    this.#isOn = true
    await Promise.all([finish('login'), finish('notice')])
    this.#isOn = false
  }

  /** How many steps a side has made. */
  went(side: Side): number {
    return this.#went.filter((one) => one === side).length
  }

  #turnOf(side: Side): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(side, resolve)
      this.#grant()
    })
  }

  /** Once nobody is under way between two steps. */
  #grant(): void {
    if (this.#waiting.size + this.#done.size < 2 || this.#waiting.size === 0) return
    const wanted = this.#order[this.#next++]
    const side = wanted && this.#waiting.has(wanted) ? wanted : ([...this.#waiting.keys()][0] as Side)
    const go = this.#waiting.get(side)
    this.#waiting.delete(side)
    this.#went.push(side)
    go?.()
  }
}

/** Every order in which `logins` steps of one side and `notices` of the other can come. */
export function everyOrder(logins: number, notices: number): Side[][] {
  if (logins === 0) return [Array<Side>(notices).fill('notice')]
  if (notices === 0) return [Array<Side>(logins).fill('login')]
  return [
    ...everyOrder(logins - 1, notices).map((rest): Side[] => ['login', ...rest]),
    ...everyOrder(logins, notices - 1).map((rest): Side[] => ['notice', ...rest]),
  ]
}
