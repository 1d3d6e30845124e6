import { ConfigError } from './errors.ts'

type Unit = 'ms' | 's' | 'm' | 'h' | 'd'

/** Milliseconds, or a number directly followed by its unit: `'30m'`, `'12h'`, `'14d'`. Anything else fails to compile. */
export type Duration = number | `${number}${Unit}`

const UNITS: Readonly<Record<Unit, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A hundred years: whoever asks for more asks for no end, and instants beyond it do not fit everywhere (EXP-03). */
export const LONGEST_DURATION = 36_525 * 86_400_000

/**
 * A duration in milliseconds. Not finite, above a hundred years, not positive (zero only where `min` allows) or not
 * understood: `ERR_OPTION` naming `path`.
 */
export function toMilliseconds(value: Duration, path: string, min = 1): number {
  const milliseconds = typeof value === 'number' ? value : parseDuration(value)
  if (!(milliseconds >= min && milliseconds <= LONGEST_DURATION)) {
    throw new ConfigError(
      'ERR_OPTION',
      `Option ${path} must be a number of milliseconds of at least ${min}, or a duration such as '30m', and at most ${formatDuration(LONGEST_DURATION)}, not ${describe(value)}.`,
    )
  }
  return Math.round(milliseconds)
}

/** The shortest exact spelling, for people: `30m`, `12h`, `90s`. */
export function formatDuration(milliseconds: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (milliseconds >= UNITS[unit] && milliseconds % UNITS[unit] === 0)
      return `${milliseconds / UNITS[unit]}${unit}`
  }
  return `${milliseconds}ms`
}

function parseDuration(text: unknown): number {
  const match = typeof text === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) : null
  return match ? Number(match[1]) * UNITS[match[2] as Unit] : Number.NaN
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `'${value.slice(0, 40)}'` : String(value).slice(0, 40)
}
