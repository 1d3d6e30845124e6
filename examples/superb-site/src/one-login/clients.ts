import type { Authority } from '@coatcheck/server'
import type { Addresses } from './addresses.ts'

/** Of each application, until the next start. */
export interface ClientSecrets {
  readonly shop: string
  readonly reviews: string
}

/** What `coatcheck clients add` does, for the two applications: at the first start, and again where an address has changed. */
export async function registerClients({ oauth }: Authority, addresses: Addresses): Promise<ClientSecrets> {
  return {
    shop: await register(oauth, 'shop', {
      ...{ name: 'Superb Site', origin: addresses.shop },
      resources: { [addresses.reviewsApi]: ['reviews:write'] },
      serves: [],
    }),
    reviews: await register(oauth, 'reviews', {
      ...{ name: 'Superb Reviews', origin: addresses.reviews, resources: {} },
      // It is this API, and may ask whether tokens for it still count.
      serves: [addresses.reviewsApi],
    }),
  }
}

interface Wanted {
  readonly name: string
  readonly origin: string
  readonly resources: Readonly<Record<string, readonly string[]>>
  readonly serves: readonly string[]
}

/** Answers the secret. It is kept nowhere: each start makes a new one. */
async function register(oauth: Authority['oauth'], id: string, wanted: Wanted): Promise<string> {
  const { name, origin, resources, serves } = wanted
  const terms = {
    redirectUris: [`${origin}/callback`],
    postLogoutRedirectUris: [`${origin}/goodbye`],
    // The server itself may not know the names that browsers do.
    backchannelLogoutUri: `http://127.0.0.1:${new URL(origin).port}/back-channel-logout`,
    resources,
    serves,
  }
  const known = await oauth.clients.find(id)
  const isSame = Object.entries(terms).every(
    ([key, value]) => JSON.stringify(known?.[key as keyof typeof terms]) === JSON.stringify(value),
  )
  if (known && isSame) {
    const secret = await oauth.clients.rotateSecret(id, 0)
    if (secret !== null) return secret
  }
  await oauth.removeClient(id)
  // `development` allows plain HTTP on this machine; `trusted`, since both are ours: users are not asked.
  const added = await oauth.clients.add({
    ...terms,
    id,
    name,
    kind: 'confidential',
    trusted: true,
    development: true,
  })
  if (!added.ok || added.secret === null) throw new Error(`The application ${id} cannot be registered.`)
  return added.secret
}
