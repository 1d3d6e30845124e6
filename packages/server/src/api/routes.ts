import { createRoute, type RouteConfig, z } from '@hono/zod-openapi'
import {
  AccessToken,
  AccessTokenRequest,
  CreateRequest,
  DataChange,
  LoggedOut,
  LogoutRequest,
  Page,
  Problem,
  ReauthenticateRequest,
  Refused,
  Session,
  SessionData,
  SessionIdText,
  UserId,
  ValidateRequest,
  Verdict,
} from './schemas.ts'
import type { ServiceScope } from './scopes.ts'
import { VALIDATE_PATH } from './validate-handler.ts'

/** Every route of `/v1`, for the application and for `openapi.json`. */

const PROBLEM = {
  description: 'A mistake of the call, or a part that failed',
  content: { 'application/problem+json': { schema: Problem } },
}

const ById = z.object({ id: SessionIdText })
const OfUser = z.object({ userId: UserId })
const Repeatable = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[!-~]{1,255}$/)
    .optional()
    .openapi({ description: 'Names this call: it is made once, however often it comes' }),
})

export const ValidateRoute = createRoute({
  ...callOf('sessions:validate', 'Judge a visitor’s request'),
  method: 'post',
  path: VALIDATE_PATH,
  request: { body: body(ValidateRequest) },
  responses: { 200: ok(Verdict, 'The session, or why there is none'), default: PROBLEM },
})

export const CreateSession = createRoute({
  ...callOf('sessions:create', 'Sign a visitor in, or begin an anonymous session'),
  method: 'post',
  path: '/v1/sessions',
  request: { headers: Repeatable, body: body(CreateRequest) },
  responses: {
    200: ok(Refused, 'The visitor is refused'),
    201: ok(Verdict, 'The session; its token is told here and never again'),
    default: PROBLEM,
  },
})

export const Reauthenticate = createRoute({
  ...callOf('sessions:create', 'Note a new proof of a signed-in visitor (step-up): new id and token'),
  method: 'post',
  path: '/v1/sessions/reauthenticate',
  request: { body: body(ReauthenticateRequest) },
  responses: { 200: ok(Verdict, 'The session that takes the place of the one before'), default: PROBLEM },
})

export const Logout = createRoute({
  ...callOf('sessions:validate', 'Sign a visitor out'),
  method: 'post',
  path: '/v1/sessions/logout',
  request: { body: body(LogoutRequest) },
  responses: {
    200: ok(z.discriminatedUnion('valid', [LoggedOut, Refused]), 'Signed out, or refused'),
    default: PROBLEM,
  },
})

export const BeginLogin = createRoute({
  ...callOf('sessions:create', 'Take note of a user’s sessions before a password is checked'),
  method: 'post',
  path: '/v1/users/{userId}/login-attempts',
  request: { params: OfUser },
  responses: { 201: ok(z.object({ attempt: z.string() }), 'For attempt of the login'), default: PROBLEM },
})

export const ShowSession = createRoute({
  ...callOf('sessions:read', 'Show a session'),
  method: 'get',
  path: '/v1/sessions/{id}',
  request: { params: ById },
  responses: { 200: ok(Session, 'Live; 404 unknown, 410 ended'), default: PROBLEM },
})

export const ListSessions = createRoute({
  ...callOf('sessions:read', 'List the live sessions of a user, newest first'),
  method: 'get',
  path: '/v1/users/{userId}/sessions',
  request: {
    params: OfUser,
    query: z.object({
      limit: z.coerce.number().int().min(1).max(1_000).default(100),
      cursor: z.string().max(1_024).optional(),
    }),
  },
  responses: { 200: ok(Page, 'A page'), default: PROBLEM },
})

export const ReadData = createRoute({
  ...callOf('sessions:read', 'Read the data of a session'),
  method: 'get',
  path: '/v1/sessions/{id}/data',
  request: { params: ById },
  responses: { 200: ok(SessionData, 'With its version as ETag'), default: PROBLEM },
})

export const ChangeData = createRoute({
  ...callOf('sessions:write', 'Change the data of a session'),
  method: 'patch',
  path: '/v1/sessions/{id}/data',
  request: {
    params: ById,
    headers: Repeatable.extend({
      'if-match': z
        .string()
        .regex(/^"\d{1,15}"$/)
        .optional()
        .openapi({ description: 'As ifVersion, with 412 in place of 409' }),
    }),
    body: body(DataChange),
  },
  responses: { 200: ok(SessionData, 'All of it by now'), default: PROBLEM },
})

export const EndSession = createRoute({
  ...callOf('sessions:revoke', 'End a session'),
  method: 'delete',
  path: '/v1/sessions/{id}',
  request: {
    params: ById,
    query: z.object({
      user: UserId.optional().openapi({ description: 'Else than of this user: 404' }),
    }),
  },
  responses: { 204: { description: 'Ended; 404 where none was live' }, default: PROBLEM },
})

export const EndUserSessions = createRoute({
  ...callOf('sessions:revoke', 'End all sessions of a user'),
  method: 'delete',
  path: '/v1/users/{userId}/sessions',
  request: {
    params: OfUser,
    query: z.object({
      except: z
        .union([SessionIdText, z.array(SessionIdText).max(100)])
        .optional()
        .openapi({ description: 'Ids of sessions that go on' }),
    }),
  },
  responses: { 200: ok(z.object({ ended: z.int() }), 'How many'), default: PROBLEM },
})

export const EndEveryone = createRoute({
  ...callOf('sessions:revoke-everyone', 'End every session there is'),
  method: 'delete',
  path: '/v1/sessions',
  request: {
    query: z.object({
      everyone: z.literal('true').openapi({ description: 'So that no missing id ends everything' }),
    }),
  },
  responses: { 204: { description: 'Ended' }, default: PROBLEM },
})

export const IssueAccessToken = createRoute({
  ...callOf('tokens:issue', 'Issue a signed access token of a session'),
  method: 'post',
  path: '/v1/sessions/{id}/access-token',
  request: { params: ById, body: body(AccessTokenRequest) },
  responses: { 200: ok(AccessToken, 'For /.well-known/jwks.json'), default: PROBLEM },
})

export const FollowChanges = createRoute({
  ...callOf('changes:read', 'Follow what changes, as server-sent events'),
  method: 'get',
  path: '/v1/changes',
  responses: {
    200: {
      description: 'Events open, changed, reset and probe; see docs/guides/session-api.md',
      content: { 'text/event-stream': { schema: z.string() } },
    },
    default: PROBLEM,
  },
})

export const SendProbe = createRoute({
  ...callOf('changes:read', 'Send a probe that comes back through one’s stream of changes'),
  method: 'post',
  path: '/v1/changes/{stream}/probe',
  request: {
    params: z.object({ stream: z.string().regex(/^[\w-]{22}$/) }),
    body: body(z.strictObject({ probe: z.string().regex(/^[\w-]{1,64}$/) })),
  },
  responses: { 202: { description: 'On its way' }, default: PROBLEM },
})

function callOf(scope: ServiceScope, summary: string) {
  return {
    summary,
    security: [{ bearer: [scope] }, { header: [scope] }],
    'x-scope': scope,
  } satisfies Partial<RouteConfig> & Record<string, unknown>
}

function body<S extends z.ZodType>(schema: S) {
  return { required: true, content: { 'application/json': { schema } } } as const
}

function ok<S extends z.ZodType>(schema: S, description: string) {
  return { description, content: { 'application/json': { schema } } } as const
}
