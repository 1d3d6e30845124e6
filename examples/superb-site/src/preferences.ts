import { CURRENCIES, type Currency, isCurrency } from './money.ts'

/** `auto` follows the device. */
export const THEMES = ['auto', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

export interface Preferences {
  readonly theme: Theme
  readonly currency: Currency
}

export function isTheme(value: unknown): value is Theme {
  return THEMES.some((theme) => theme === value)
}

/** `null` unless both were sent and are among the choices. */
export function parsePreferences(theme: string, currency: string): Preferences | null {
  return isTheme(theme) && isCurrency(currency) ? { theme, currency } : null
}

export const CHOICES = { theme: THEMES, currency: CURRENCIES }
