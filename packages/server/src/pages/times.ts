import type { Words } from './strings.ts'

const STEPS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const

/** `3 hours ago`, in the language of the words. */
export function agoText(at: number, now: number, words: Words): string {
  return relative(Math.min(at - now, 0), words)
}

/** `in 30 days`. */
export function inText(at: number, now: number, words: Words): string {
  return relative(Math.max(at - now, 0), words)
}

function relative(difference: number, words: Words): string {
  const format = new Intl.RelativeTimeFormat(words('language'), { numeric: 'auto' })
  for (const [unit, length] of STEPS) {
    if (Math.abs(difference) >= length) return format.format(Math.trunc(difference / length), unit)
  }
  return format.format(0, 'minute')
}
