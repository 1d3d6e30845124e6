/** A logout that has not reached the server yet. */
export class Debt {
  #attempt: (() => Promise<Response>) | null = null

  get isOwed(): boolean {
    return this.#attempt !== null
  }

  /** Takes a logout on, tries it, and keeps it while network or server fail. Answers whether the server has confirmed. */
  owe(attempt: () => Promise<Response>): Promise<boolean> {
    this.#attempt = attempt
    return this.#try(attempt)
  }

  /** Tries what is owed; whether nothing is any more. */
  async pay(): Promise<boolean> {
    if (this.#attempt) await this.#try(this.#attempt)
    return !this.isOwed
  }

  async #try(attempt: () => Promise<Response>): Promise<boolean> {
    const status = await attempt().then(
      (response) => response.status,
      () => 500,
    )
    if (status < 500 && this.#attempt === attempt) this.#attempt = null
    // A redirect is what many logouts answer with (0: one that is not shown); whom the server does not know is logged out.
    return status < 400 || status === 401
  }
}
