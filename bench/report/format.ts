import type { Spread } from '../statistics.ts'

/** Three digits or so: `1,234`, `123`, `12.3`, `1.2`, `0.34`. */
export function number(value: number): string {
  const digits = digitsOf(Math.abs(value))
  // Rounded first, so that nothing is shown as `-0.00`.
  const rounded = Number(value.toFixed(digits)) + 0
  return rounded.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function digitsOf(size: number): number {
  if (size >= 100) return 0
  return size >= 1 ? 1 : 2
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

/** `12.3 (11.8 to 13.0)`. */
export function withSpread({ median, low, high }: Spread): string {
  return `${number(median)} (${number(low)} to ${number(high)})`
}

export function times(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 2 : 0)}x`
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  if (items.length < 2) return items.join('')
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
}

export type Column = 'left' | 'right'

/** A Markdown table. */
export function table(
  header: readonly string[],
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = columns.map((column) => (column === 'left' ? '---' : '---:'))
  return [line(header), line(rule), ...rows.map(line)].join('\n')
}
