import { isoText } from '../system.ts'

/** One column of a table: its heading, and what it says of an entry. */
export type Column<T> = readonly [
  heading: string,
  text: (entry: T) => string | number | boolean | null | undefined,
]

const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** A table for people. Texts that others chose cannot move the cursor or fake a line (HDR-08). */
export function tableText<T>(columns: readonly Column<T>[], entries: readonly T[]): string {
  const rows = entries.map((entry) => columns.map(([, text]) => cellText(text(entry))))
  const all = [columns.map(([heading]) => heading.toUpperCase()), ...rows]
  const widths = columns.map((_, index) => Math.max(...all.map((row) => row[index]?.length ?? 0)))
  return all
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
    .concat('\n')
}

/** Names and values of one entry, each on a line. */
export function recordText(entry: object): string {
  const lines = [...flattened(entry, '')]
  const width = Math.max(0, ...lines.map(([name]) => name.length))
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('')
}

/** An instant of an entry, to the second. */
export function timeText(at: number | null | undefined): string {
  return at === null || at === undefined ? '' : isoText(at).replace(/\.\d+Z$/, 'Z')
}

function cellText(value: string | number | boolean | null | undefined): string {
  const text = value === null || value === undefined || value === '' ? '-' : String(value)
  return text.replace(CONTROL, '\u{fffd}').slice(0, 200)
}

function* flattened(entry: object, prefix: string): Generator<readonly [string, string]> {
  for (const [name, value] of Object.entries(entry) as [string, unknown][]) {
    const path = prefix + name
    if (isRecord(value)) yield* flattened(value, `${path}.`)
    else yield [path, cellText(textOf(name, value))]
  }
}

function textOf(name: string, value: unknown): string {
  if (isInstant(name, value)) return timeText(value)
  return Array.isArray(value) ? value.join(', ') : String(value ?? '')
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isInstant(name: string, value: unknown): value is number {
  return typeof value === 'number' && /(?:At|until)$/.test(name)
}
