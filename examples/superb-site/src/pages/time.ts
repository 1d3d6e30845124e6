import { type Html, html } from '../html.ts'

/** An instant in epoch milliseconds, for people and machines. */
export function time(instant: number): Html {
  const date = new Date(instant)
  return html`<time datetime="${date.toISOString()}">${FORMAT.format(date)} UTC</time>`
}

const FORMAT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })
