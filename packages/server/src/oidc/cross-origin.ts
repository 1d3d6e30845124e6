import type { Context } from 'oidc-provider'
import { type Clients, isPageOf } from './clients.ts'

/** Where nothing is about anybody. */
const FOR_EVERYBODY = /^\/(?:oauth\/jwks$|\.well-known\/)/
/** What an application that runs in pages asks from there. */
const FOR_PAGES = /^\/oauth\/(?:token|revoke|userinfo|par)$/

const HEADERS = ['Origin', 'Methods', 'Headers'].map((what) => `Access-Control-Allow-${what}`)

/**
 * The protocol library names any origin that asks as one that may read the answer, until it knows which application asks. Pages of
 * others read keys and metadata; those of a registered application without a secret may redeem and renew what is theirs
 * (CORS-01 to CORS-03). Credentials of the browser are never allowed.
 */
export function withoutOtherOrigins(clients: Pick<Clients, 'isPageOrigin'>) {
  return async (context: Context, next: () => Promise<void>): Promise<void> => {
    await next()
    if (FOR_EVERYBODY.test(context.path)) context.set('Access-Control-Allow-Origin', '*')
    else if (!(await isOfPage(clients, context))) for (const header of HEADERS) context.remove(header)
  }
}

async function isOfPage(clients: Pick<Clients, 'isPageOrigin'>, context: Context): Promise<boolean> {
  const origin = context.get('Origin')
  if (origin === '' || !FOR_PAGES.test(context.path)) return false
  // A preflight says nothing of the application: the request itself is looked at again.
  if (context.method === 'OPTIONS') return clients.isPageOrigin(origin)
  const client = context.oidc?.client
  return client !== undefined && isPageOf(client, origin)
}
