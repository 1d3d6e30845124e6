/** Paths of the authorization server, as they are counted and logged. */
const ROUTES: readonly (readonly [RegExp, string])[] = [
  [/^\/oauth\/(?:authorize|par|token|introspect|revoke|userinfo|jwks|logout)$/, ''],
  [/^\/oauth\/logout\/(?:confirm|success)$/, ''],
  [/^\/oauth\/authorize\/[^/]+$/, '/oauth/authorize/:uid'],
  [/^\/oauth\/interaction\/[^/]+$/, '/oauth/interaction/:uid'],
  [/^\/\.well-known\/[a-z-]+$/, ''],
]

/** The pattern of a URL, which can hold codes; `unmatched` for any other. */
export function oauthRoute(url: string | undefined): string {
  const [path = ''] = (url ?? '').split('?')
  const found = ROUTES.find(([pattern]) => pattern.test(path))
  return found ? found[1] || path : 'unmatched'
}
