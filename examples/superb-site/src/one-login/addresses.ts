/** What runs beside each other for one login: each at a host of its own, so that browsers keep their cookies apart. */
export interface Addresses {
  readonly accounts: string
  readonly shop: string
  readonly reviews: string
  /** What access tokens for the API of the reviews are made out to. */
  readonly reviewsApi: string
}

export function addressesAt(ports: {
  readonly accounts: number
  readonly shop: number
  readonly reviews: number
}): Addresses {
  const reviews = `http://reviews.localhost:${ports.reviews}`
  return {
    accounts: `http://accounts.localhost:${ports.accounts}`,
    shop: `http://shop.localhost:${ports.shop}`,
    reviews,
    reviewsApi: `${reviews}/api`,
  }
}

/** Browsers know that every name under `localhost` is this machine; what runs on it need not. */
export function onThisMachine(address: string): string {
  const url = new URL(address)
  if (url.hostname.endsWith('.localhost')) url.hostname = '127.0.0.1'
  return url.href
}
