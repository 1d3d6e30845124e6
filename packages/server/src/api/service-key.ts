import { requireApiKey } from 'coatcheck/hono'
import type { VerifiedApiKey } from 'coatcheck/tokens'
import type { Context, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { Authority } from '../authority.ts'
import { ProblemError } from '../http/problem.ts'
import { trustedProxies } from '../http/trusted-proxies.ts'
import { isJsonType, MAX_BODY, NOT_JSON, parseJson, TOO_LARGE } from './json-body.ts'
import { SERVICE_OWNER, type ServiceScope } from './scopes.ts'
import { OTHER_CALL } from './service-rate.ts'

/** What goes before the handler of every route: a key of a service with this scope, then the body's form. */
export function requireService(authority: Authority, scope: ServiceScope): MiddlewareHandler[] {
  const { apiKeys, settings } = authority
  return [
    requireApiKey(apiKeys, { scopes: [scope], trustProxy: trustedProxies(settings) }),
    async (c, next) => {
      admitService(authority, apiKeys.of(c), OTHER_CALL)
      await next()
    },
    bodyLimit({
      maxSize: MAX_BODY,
      onError: () => {
        throw new ProblemError(TOO_LARGE)
      },
    }),
    requireJson,
  ]
}

/** A key that a user has made is no service's, whatever scopes it came to (API-05); and a service may ask so often. */
export function admitService({ serviceRate }: Authority, key: VerifiedApiKey, cost: number): void {
  if (!key.owner.startsWith(SERVICE_OWNER)) throw new ProblemError(NO_SERVICE)
  if (!serviceRate.admits(key, cost)) throw new ProblemError(TOO_OFTEN)
}

const NO_SERVICE = { status: 403, code: 'ERR_SCOPE', detail: 'The API key is not one of a service.' }

const TOO_OFTEN = {
  status: 429,
  code: 'rate-limited',
  detail: 'This API key asks too often: come back in a second.',
  headers: { 'retry-after': '1' },
}

/** Its text, which only who holds it has, and the guard has found good. */
export function textOfKey(c: Context): string {
  return c.req.header('x-api-key') ?? c.req.header('authorization')?.replace(/^\w+ +/, '') ?? ''
}

const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE'])

const requireJson: MiddlewareHandler = async (c, next) => {
  if (!WITHOUT_BODY.has(c.req.method)) {
    const text = await c.req.text()
    if (text !== '') {
      if (!isJsonType(c.req.header('content-type'))) throw new ProblemError(NOT_JSON)
      parseJson(text)
    }
  }
  await next()
}
