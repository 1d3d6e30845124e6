export const CURRENCIES = ['EUR', 'USD', 'GBP'] as const
export type Currency = (typeof CURRENCIES)[number]

/** A whole number of the currency's smallest unit (cents, pence), so that sums are exact. */
export type MinorUnits = number

/** Fixed rates of the demo, per euro, as hundredths: `108` is 1.08. */
const RATES: Readonly<Record<Currency, number>> = { EUR: 100, USD: 108, GBP: 86 }

const FORMATS: Readonly<Record<Currency, Intl.NumberFormat>> = {
  EUR: new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' }),
  USD: new Intl.NumberFormat('en', { style: 'currency', currency: 'USD' }),
  GBP: new Intl.NumberFormat('en', { style: 'currency', currency: 'GBP' }),
}

/** A price in euro cents in another currency, rounded once, half up: a line is its price times its quantity. */
export function convert(cents: MinorUnits, currency: Currency): MinorUnits {
  return Math.floor((cents * RATES[currency] + 50) / 100)
}

/** `€12.90`. All three currencies have two decimals. */
export function formatMoney(amount: MinorUnits, currency: Currency): string {
  const digits = String(amount).padStart(3, '0')
  return FORMATS[currency].format(`${digits.slice(0, -2)}.${digits.slice(-2)}` as `${number}`)
}

/** `1 EUR = 1.08 USD`. */
export function describeRate(currency: Currency): string {
  return `1 EUR = ${(RATES[currency] / 100).toFixed(2)} ${currency}`
}

export function isCurrency(value: unknown): value is Currency {
  return CURRENCIES.some((currency) => currency === value)
}
