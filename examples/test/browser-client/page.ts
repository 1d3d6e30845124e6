import { type CookieClient, type CookieClientOptions, createClient } from 'coatcheck/client'

/** What the page shows, wherever it shows it. */
export interface Screen {
  orders(count: number): void
  warn(secondsLeft: number): void
  signedOut(): void
}

export function openShop(screen: Screen, options: Partial<CookieClientOptions> = {}): CookieClient {
  const client = createClient({ mode: 'cookie', baseUrl: '/api/', ...options })
  client.onExpiringSoon(({ secondsLeft }) => screen.warn(secondsLeft), { within: 120 })
  client.onEnd(() => screen.signedOut())
  return client
}

export async function order(client: CookieClient, screen: Screen): Promise<void> {
  const response = await client.fetch('orders', { method: 'POST' })
  if (!response.ok) return
  const { orders } = (await response.json()) as { orders: number }
  screen.orders(orders)
}
