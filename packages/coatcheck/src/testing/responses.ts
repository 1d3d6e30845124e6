/** Headers as `fetch` has them. */
interface FetchHeaders {
  get(name: string): string | null
  getSetCookie(): string[]
}

/** Headers as `node:http` has them, and supertest and Fastify's `inject` after it: lower-case names. */
type PlainHeaders = object

/** A response of any client, as far as an agent looks at it. */
export interface AnyResponse {
  readonly headers: FetchHeaders | PlainHeaders
}

/** The `Set-Cookie` values of a response, in order. */
export function setCookiesOf({ headers }: AnyResponse): readonly string[] {
  if (isFetchHeaders(headers)) return headers.getSetCookie()
  const value = (headers as { readonly [name: string]: unknown })['set-cookie']
  return [value].flat().filter((one) => typeof one === 'string')
}

/** One header of a response, `null` where it is absent. */
export function headerOf({ headers }: AnyResponse, name: string): string | null {
  if (isFetchHeaders(headers)) return headers.get(name)
  const value = (headers as { readonly [name: string]: unknown })[name]
  return typeof value === 'string' ? value : null
}

function isFetchHeaders(headers: object): headers is FetchHeaders {
  return 'getSetCookie' in headers
}
