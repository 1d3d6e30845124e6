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

export const USER = 'user-1'

/** The body that every handler answers after it found out who is asking. */
export function answer(userId: string | null | undefined, theme: unknown): string {
  if (userId !== USER || theme !== FIELDS.theme) throw new Error('The session was not recognised.')
  return `hello ${userId}`
}
