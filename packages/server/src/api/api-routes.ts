import { OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import type { JsonFields, SessionId } from 'coatcheck'
import { jwksDocument } from 'coatcheck/tokens'
import type { Context } from 'hono'
import type { Authority } from '../authority.ts'
import { CLAIMS_FIELD } from '../forward-auth/session-fields.ts'
import { apiMiddleware, NOT_FOUND, ProblemError, problemHandler, problemNotFound } from '../http/problem.ts'
import { ChangeStreams } from './change-streams.ts'
import { fromCursor, toCursor } from './cursor.ts'
import { Idempotency } from './idempotency.ts'
import { beginLogin, create, logOut, reauthenticate } from './make-session.ts'
import { toMistakes } from './mistakes.ts'
import { toOpenApi } from './openapi.ts'
import * as routes from './routes.ts'
import type { ServiceScope } from './scopes.ts'
import { requireService, textOfKey } from './service-key.ts'
import { changeData, gone, readData } from './session-data.ts'

/** The session API, for services in any language. `POST /v1/sessions/validate` is `validateHandler`. */
export function apiRoutes(authority: Authority): OpenAPIHono {
  const app = new OpenAPIHono({
    defaultHook: (result) => {
      if (!result.success) throw new ProblemError(toMistakes(result.error))
    },
  })
  app.onError(problemHandler(authority))
  app.use('/v1/*', apiMiddleware(authority))
  app.openAPIRegistry.registerPath(routes.ValidateRoute)
  visitorRoutes(app, authority)
  sessionRoutes(app, authority)
  endRoutes(app, authority)
  changeRoutes(app, authority)
  keyRoutes(app, authority)
  const description = toOpenApi(app)
  app.get('/v1/openapi.json', (c) => c.json(description))
  app.all('/v1/*', problemNotFound)
  return app
}

type Route = RouteConfig & { readonly 'x-scope': ServiceScope }

/** A route with the guard of its scope before it. */
function guarded<R extends Route>(authority: Authority, route: R): R {
  return { ...route, middleware: requireService(authority, route['x-scope']) }
}

/** What happens to the visitor that a service has before it. */
function visitorRoutes(app: OpenAPIHono, authority: Authority): void {
  const { apiKeys, audit } = authority
  const idempotency = new Idempotency(authority)
  app.openapi(guarded(authority, routes.CreateSession), async (c) => {
    const creation = c.req.valid('json')
    const { id: caller } = apiKeys.of(c)
    const made = async () => {
      const verdict = await create(authority, creation)
      return { answer: verdict, keep: verdict.valid }
    }
    const key = c.req.valid('header')['idempotency-key']
    const { answer, replayed } =
      key === undefined
        ? { ...(await made()), replayed: false }
        : await idempotency.once(
            { key, caller, secret: textOfKey(c), request: JSON.stringify(creation) },
            made,
          )
    if (!answer.valid) return c.json(answer, 200)
    if (replayed) c.header('idempotency-replayed', 'true')
    else {
      const { id: sessionId, userId } = answer.session
      const actor = { kind: 'service', id: caller } as const
      audit.record({ event: 'service.session-created', actor, sessionId, userId })
    }
    return c.json(answer, 201)
  })
  app.openapi(guarded(authority, routes.Reauthenticate), async (c) =>
    c.json(await reauthenticate(authority, c.req.valid('json')), 200),
  )
  app.openapi(guarded(authority, routes.Logout), async (c) =>
    c.json(await logOut(authority, c.req.valid('json')), 200),
  )
  app.openapi(guarded(authority, routes.BeginLogin), async (c) =>
    c.json({ attempt: await beginLogin(authority, c.req.valid('param').userId) }, 201),
  )
}

/** What a service looks at and changes without its visitor. */
function sessionRoutes(app: OpenAPIHono, authority: Authority): void {
  const { sessions, apiKeys, tokens, settings } = authority
  app.openapi(guarded(authority, routes.ShowSession), async (c) => {
    const { id } = c.req.valid('param')
    const found = await sessions.find(id)
    if (found === null) throw await missing(authority, id)
    return c.json(found, 200)
  })
  app.openapi(guarded(authority, routes.ListSessions), async (c) => {
    const { userId } = c.req.valid('param')
    const { limit, cursor } = c.req.valid('query')
    const page = await sessions.list(userId, { limit, cursor: fromCursor(cursor, userId) })
    return c.json({ sessions: [...page.sessions], cursor: toCursor(page.cursor, userId) }, 200)
  })
  app.openapi(guarded(authority, routes.ReadData), async (c) => {
    const found = await readData(authority, c.req.valid('param').id)
    c.header('etag', `"${found.version}"`)
    return c.json(found as { data: Record<string, unknown>; version: number }, 200)
  })
  app.openapi(guarded(authority, routes.ChangeData), async (c) => {
    const headers = c.req.valid('header')
    const ifMatch = headers['if-match']
    const stored = await changeData(authority, c.req.valid('param').id, {
      ...c.req.valid('json'),
      idempotencyKey: headers['idempotency-key'] ?? null,
      caller: apiKeys.of(c).id,
      ifMatch: ifMatch === undefined ? null : Number(ifMatch.slice(1, -1)),
    })
    c.header('etag', `"${stored.version}"`)
    return c.json(stored as { data: Record<string, unknown>; version: number }, 200)
  })
  app.openapi(guarded(authority, routes.IssueAccessToken), async (c) => {
    const { id } = c.req.valid('param')
    const found = await sessions.manager.lookUp(id as SessionId)
    if (found.status !== 'live') throw await missing(authority, id)
    const { expiresIn, audience, scope, clientId } = c.req.valid('json')
    const token = await tokens.accessToken(found.record, {
      audience,
      extra: chosenClaims(settings.claims, found.record.data[CLAIMS_FIELD]),
      ...(scope !== undefined && { scope }),
      ...(clientId !== undefined && { clientId }),
      ...(expiresIn !== undefined && { expiresIn: expiresIn * 1_000 }),
    })
    return c.json(token, 200)
  })
}

/** The fields of a user's claims that the setting `claims` names. */
function chosenClaims(names: readonly string[], claims: unknown): JsonFields {
  if (typeof claims !== 'object' || claims === null) return {}
  return Object.fromEntries(Object.entries(claims).filter(([name]) => names.includes(name)))
}

/** Why there is no live session of an id. */
async function missing({ sessions }: Authority, id: string): Promise<ProblemError> {
  const found = await sessions.manager.lookUp(id as SessionId)
  return found.status === 'ended' ? gone(found.tombstone) : new ProblemError(NOT_FOUND)
}

function endRoutes(app: OpenAPIHono, authority: Authority): void {
  const { sessions, apiKeys, audit } = authority
  const by = (c: Context) => ({ kind: 'service', id: apiKeys.of(c).id }) as const
  app.openapi(guarded(authority, routes.EndSession), async (c) => {
    const { id } = c.req.valid('param')
    const { user } = c.req.valid('query')
    if (!(await sessions.revoke(id, user === undefined ? {} : { ofUser: user }))) {
      throw new ProblemError(NOT_FOUND)
    }
    audit.record({ event: 'service.session-ended', actor: by(c), sessionId: id })
    return c.body(null, 204)
  })
  app.openapi(guarded(authority, routes.EndUserSessions), async (c) => {
    const { userId } = c.req.valid('param')
    const except = [c.req.valid('query').except ?? []].flat() as SessionId[]
    const ended = await sessions.revokeUser(userId, { except })
    audit.record({ event: 'service.user-ended', actor: by(c), userId, details: { ended } })
    return c.json({ ended }, 200)
  })
  app.openapi(guarded(authority, routes.EndEveryone), async (c) => {
    await sessions.revokeEveryone()
    audit.record({ event: 'service.everyone-ended', actor: by(c) })
    return c.body(null, 204)
  })
}

function changeRoutes(app: OpenAPIHono, authority: Authority): void {
  const { apiKeys } = authority
  const streams = new ChangeStreams(authority)
  app.openapi(guarded(authority, routes.FollowChanges), async (c) => {
    const body = await streams.open(apiKeys.of(c))
    if (body === null) throw TOO_MANY
    return new Response(body, {
      headers: { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' },
    })
  })
  app.openapi(guarded(authority, routes.SendProbe), async (c) => {
    const sent = await streams.probe(c.req.valid('param').stream, apiKeys.of(c), c.req.valid('json').probe)
    if (sent === 'unknown') throw new ProblemError(NOT_FOUND)
    if (sent === 'too-many') throw TOO_MANY
    return c.body(null, 202)
  })
}

const TOO_MANY = new ProblemError({
  status: 429,
  code: 'too-many-streams',
  detail: 'There are too many streams or probes of this key, or in all.',
  headers: { 'retry-after': '5' },
})

/** The keys that access tokens are verified with: for everybody. */
function keyRoutes(app: OpenAPIHono, { signingKeys }: Authority): void {
  app.get('/.well-known/jwks.json', async (c) => {
    const { status, headers, body } = await jwksDocument(signingKeys, c.req.header('if-none-match'))
    return new Response(status === 304 ? null : body, { status, headers })
  })
}
