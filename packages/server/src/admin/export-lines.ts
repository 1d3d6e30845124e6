import { StartError } from '../start-error.ts'

/** The form of exports; another number for whatever an older version could not read. */
const FORMAT = 2

/** What the lines of an export are of, in their order. */
const KINDS = ['export', 'row', 'session', 'api-key', 'end'] as const
export type Kind = (typeof KINDS)[number]

interface Line {
  readonly of: Kind
  readonly entry: object
}

export function lineOf(of: Kind, entry: object): string {
  return JSON.stringify({ of, entry } satisfies Line)
}

export function firstLine(): string {
  return lineOf('export', { format: FORMAT })
}

/** The lines of an export in the order of their kinds, between the first and the last. */
export class Sections {
  readonly #lines: AsyncIterator<string>
  #next: Line | null = null
  #number = 0

  constructor(lines: AsyncIterator<string>) {
    this.#lines = lines
  }

  async assertBegins(): Promise<void> {
    const { format } = (await this.#only('export')) as { readonly format?: unknown }
    if (format === FORMAT) return
    throw new StartError(
      typeof format === 'number' && format > FORMAT
        ? 'The import is of a later version: upgrade this one first.'
        : 'The import is of a version that this one does not know.',
    )
  }

  async *of<T extends object>(kind: Kind): AsyncGenerator<T> {
    for (;;) {
      const line = await this.#peek()
      if (line?.of !== kind) return
      this.#next = null
      yield line.entry as T
    }
  }

  /** That it is whole, too: the file of an export that broke off ends before. */
  async assertDone(): Promise<void> {
    await this.#only('end')
    if ((await this.#peek()) !== null) throw this.#wrong()
  }

  async #only(kind: Kind): Promise<object> {
    const line = await this.#peek()
    if (line === null) throw new StartError('The import ends before the export did.')
    if (line.of !== kind) throw this.#wrong()
    this.#next = null
    return line.entry
  }

  async #peek(): Promise<Line | null> {
    while (this.#next === null) {
      const { done, value } = await this.#lines.next()
      if (done) return null
      this.#number += 1
      if (value.trim() !== '') this.#next = this.#parsed(value)
    }
    return this.#next
  }

  #parsed(text: string): Line {
    try {
      const line = JSON.parse(text) as Partial<Line> | null
      const isLine = line?.of !== undefined && KINDS.includes(line.of)
      if (isLine && typeof line.entry === 'object' && line.entry !== null) return line as Line
    } catch {
      // The parser's own message would quote the line.
    }
    throw this.#wrong()
  }

  #wrong(): StartError {
    return new StartError(`Line ${this.#number} of the import is none of an export, or not in its place.`)
  }
}
