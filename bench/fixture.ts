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

/** A session of a busier shop: its JSON has 548 bytes. What a store takes besides is measured with it. */
export const LARGE_FIELDS = {
  theme: 'dark',
  currency: 'EUR',
  language: 'en-GB',
  visits: 42,
  name: 'Alice in the cloakroom',
  cart: [
    { sku: 'peg-oak-12', title: 'Oak peg, set of twelve', quantity: 2, cents: 1890 },
    { sku: 'umbrella-long-black', title: 'Long umbrella, black', quantity: 1, cents: 4950 },
    { sku: 'hanger-cedar', title: 'Cedar hanger with bar', quantity: 6, cents: 720 },
  ],
  preferences: { newsletter: false, density: 'cosy', notifications: ['orders', 'security'] },
  viewed: ['coat-stand', 'hat-box', 'shoe-horn-brass', 'boot-tray'],
  notice: 'Your address has been changed.',
} as const
