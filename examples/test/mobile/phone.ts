import { type BearerClient, createBearerClient, type TokenResponse } from 'coatcheck/client'

type Fetch = (url: string, init?: RequestInit) => Promise<Response>

/** Signs in once; from then on `client.fetch` sends the access token along and refreshes it when it is time. */
export async function signIn(
  shop: string,
  credentials: { readonly name: string; readonly password: string },
  fetch: Fetch = globalThis.fetch,
): Promise<BearerClient | null> {
  const client = createBearerClient({
    baseUrl: shop,
    clientId: 'phone',
    fetch: fetch as typeof globalThis.fetch,
  })
  const response = await fetch(`${shop}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(credentials),
  })
  if (!response.ok) return null
  client.setTokens((await response.json()) as TokenResponse)
  return client
}
