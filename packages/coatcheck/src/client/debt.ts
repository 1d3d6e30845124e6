import { safely } from './platform.ts'

/** A logout that has not reached the server yet. */
export class Debt {
  /** What logs out, given before anything is owed; the debt is paid once the server has answered it. */
  attempt!: () => Promise<Response>
  /** Where other tabs see that there is one, and the page after a reload, if it is a storage: nothing else is kept there. */
  readonly #marks: Record<string, unknown>
  readonly #key: string

  constructor(key: string, storage: object | null = null) {
    this.#marks = (storage ?? {}) as Record<string, unknown>
    this.#key = key
  }

  get isOwed(): boolean {
    return !!this.#marks[this.#key]
  }

  /** Takes the logout on, tries it, and keeps it while network or server fail. Answers whether the server has confirmed. */
  owe(): Promise<boolean> {
    safely(() => {
      this.#marks[this.#key] = 1
    })
    return this.#try()
  }

  /** Tries what is owed, by whichever tab. */
  async pay(): Promise<void> {
    if (this.isOwed) await this.#try()
  }

  async #try(): Promise<boolean> {
    const { attempt } = this
    const status = await attempt().then(
      (response) => response.status,
      () => 500,
    )
    if (status < 500 && this.attempt === attempt) delete this.#marks[this.#key]
    // A redirect is what many logouts answer with (0: one that is not shown); whom the server does not know is logged out.
    return status < 400 || status === 401
  }
}
