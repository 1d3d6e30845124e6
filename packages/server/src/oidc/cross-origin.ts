import type { Context } from 'oidc-provider'

/** Where nothing is about anybody. */
const FOR_EVERYBODY = /^\/(?:oauth\/jwks$|\.well-known\/)/

const HEADERS = ['Origin', 'Methods', 'Headers'].map((what) => `Access-Control-Allow-${what}`)

/**
 * The protocol library names any origin that asks as one that may read the answer, and looks afterwards whether the application
 * has it. No application has any: pages of others read keys and metadata, and nothing else (CORS-01 to CORS-03).
 */
export async function withoutOtherOrigins(context: Context, next: () => Promise<void>): Promise<void> {
  await next()
  if (FOR_EVERYBODY.test(context.path)) context.set('Access-Control-Allow-Origin', '*')
  else for (const header of HEADERS) context.remove(header)
}
