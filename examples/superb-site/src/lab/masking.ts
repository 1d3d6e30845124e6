/** Gives every secret of a run a name, "token A", "token B" ..., by which it can be followed and which says nothing else about it. */
export class Masking {
  readonly #names = new Map<string, string>()

  name(token: string): string {
    const known = this.#names.get(token)
    if (known !== undefined) return known
    const name = `‹token ${String.fromCharCode(65 + (this.#names.size % 26))}›`
    this.#names.set(token, name)
    return name
  }

  /** The text with each known token under its name, and with whatever else is as long as one cut out. */
  mask(text: string): string {
    let masked = text
    for (const [token, name] of this.#names) masked = masked.replaceAll(token, name)
    return masked.replace(/[\w-]{40,}/g, '‹…›')
  }
}
