/** What a request's session holds in every case: five small fields, about 160 bytes of JSON, as in a shop. */
export const FIELDS = {
  theme: 'dark',
  currency: 'EUR',
  visits: 7,
  name: 'Alice in the cloakroom',
  cart: [
    { sku: 'peg', quantity: 2 },
    { sku: 'umbrella', quantity: 1 },
  ],
} as const

export type Fields = typeof FIELDS

export const USER = 'user-1'

/** Requests are spread over this many sessions (or tokens) of each case, so that none lives off a single hot one. */
export const SAMPLE = 1_000

/** The body that every handler answers with. */
export const BODY = `hello ${USER}`

/** `BODY`, once the handler has found out who is asking; throws where it has not. */
export function answer(userId: unknown, theme: unknown): string {
  if (userId !== USER || theme !== FIELDS.theme) throw new Error('The session was not recognised.')
  return `hello ${userId}`
}
