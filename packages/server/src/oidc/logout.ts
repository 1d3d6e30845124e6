import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context } from 'oidc-provider'
import { readForm } from './read-form.ts'

const PARAMETERS: readonly string[] = [
  'id_token_hint',
  'post_logout_redirect_uri',
  'state',
  'client_id',
  'logout_hint',
  'ui_locales',
]

/**
 * A form of another site cannot bring our cookie along (`SameSite=Lax`), a navigation can: what an application posts is asked for again
 * with GET (RP-Initiated Logout 1.0 wants both).
 */
export async function postedLogout(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const form = await readForm(request)
  const query = new URLSearchParams()
  for (const name of PARAMETERS) for (const value of form.getAll(name)) query.append(name, value)
  response.writeHead(303, { location: `/oauth/logout?${query}`, 'cache-control': 'no-store' }).end()
}

/** Whether the hint is an ID token of the very session that is asked to end: then nobody needs to be asked (SSO-05). */
export function isOwnHint({ oidc }: Context): boolean {
  const { session, client, entities } = oidc
  const { payload } = entities.IdTokenHint ?? {}
  if (!payload || !client || session.accountId === undefined) return false
  return (
    payload.sub === session.accountId &&
    payload.sid !== undefined &&
    payload.sid === session.sidFor(client.clientId)
  )
}

/** Where the browser goes after the logout. */
export function afterLogout(
  state: { readonly state?: string; readonly postLogoutRedirectUri?: string } | undefined,
): string {
  if (state?.postLogoutRedirectUri === undefined) return '/oauth/logout/success'
  const url = new URL(state.postLogoutRedirectUri)
  if (state.state !== undefined) url.searchParams.set('state', state.state)
  return url.href
}
