import { isIP } from 'node:net'
import { z } from '@hono/zod-openapi'

/** The shapes of `/v1`: what is checked and what `openapi.json` says are one thing. Names in `openapi` are those of its components. */

const INSTANT = z.int().openapi({ description: 'Epoch milliseconds' })

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/
/** No line break, with which one header would become two. */
const LINE = /^[^\r\n\0]*$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: which no name of a field has
const FIELD = /^[^\u0000-\u001f\u007f]{1,64}$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: U+0001 is how the library's own users begin
const USER = /^[^\u0001]/

const Json = z.unknown().openapi({ description: 'Any JSON value' })

export const Fields = z
  .record(z.string().regex(FIELD), Json)
  .openapi('Fields', { description: 'Values by the name of their field' })

export const UserId = z
  .string()
  .min(1)
  .max(256)
  .regex(USER)
  .openapi({ description: 'Whose session it is; opaque', example: 'u-1' })

export const SessionIdText = z
  .string()
  .regex(/^[\w-]{22}$/)
  .openapi({ description: 'Public id of a session: no credential', example: 'AAAAAAAAAAAAAAAAAAAAAA' })

const Url = z
  .string()
  .max(8_192)
  .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), 'must be a whole http(s) address')

export const Exchange = z
  .strictObject({
    method: z.string().regex(NAME),
    url: Url.openapi({
      description: 'Whole address that the visitor asked for, with the scheme that it used',
    }),
    headers: z
      .record(
        z.string().regex(NAME),
        z.union([z.string().regex(LINE), z.array(z.string().regex(LINE)).max(32)]),
      )
      .default({})
      .openapi({
        description: 'All headers of the visitor’s request, as they came; Host is not read, url says it',
      }),
    clientAddress: z
      .string()
      .refine((text) => isIP(text) !== 0, 'must be an IP address')
      .optional()
      .openapi({ description: 'Address of the visitor' }),
  })
  .openapi('Exchange', { description: 'A visitor’s request, in the word of the service that got it' })

const CREDENTIALS = {
  token: z
    .string()
    .regex(/^[!-~]{1,4096}$/)
    .optional()
    .openapi({ description: 'Bearer token; instead of an Authorization header in the exchange' }),
  cookieHeader: z
    .string()
    .regex(LINE)
    .optional()
    .openapi({ description: 'Cookie header; instead of one in the exchange, which must be there' }),
  exchange: Exchange.optional(),
}

const METHODS = z.array(z.string().min(1).max(32)).max(16)
const LEVEL = z.string().min(1).max(128)

export const ValidateRequest = z
  .strictObject({
    ...CREDENTIALS,
    mode: z.enum(['full', 'read', 'peek']).default('full').openapi({
      description: 'read: records activity, sets no cookie. peek: changes nothing',
    }),
    consistency: z.enum(['bounded', 'strong']).default('bounded').openapi({
      description: 'strong: asks the store, as caches elsewhere must; bounded: at most a second old',
    }),
  })
  .openapi('ValidateRequest')

export const CreateRequest = z
  .strictObject({
    userId: UserId.nullable().openapi({ description: 'null: an anonymous session, which needs data' }),
    transport: z.enum(['cookie', 'bearer']).default('cookie'),
    remember: z.boolean().default(false),
    methods: METHODS.default([]).openapi({ description: 'How the user proved who they are (RFC 8176)' }),
    level: LEVEL.optional(),
    data: Fields.default({}),
    claims: Fields.optional().openapi({
      description: 'Facts for forward-auth and tokens, of users without an account here',
    }),
    carry: z.array(z.string().regex(FIELD)).max(64).default([]).openapi({
      description: 'Fields that come along from the visitor’s session before',
    }),
    attempt: z.string().max(1_024).optional().openapi({
      description: 'From /v1/users/{userId}/login-attempts, taken before the password was checked',
    }),
    exchange: Exchange.optional().openapi({
      description: 'The request by which the visitor signs in; its session is replaced',
    }),
  })
  .openapi('CreateRequest')

export const ReauthenticateRequest = z
  .strictObject({ ...CREDENTIALS, methods: METHODS.optional(), level: LEVEL.optional() })
  .openapi('ReauthenticateRequest')

export const LogoutRequest = z.strictObject(CREDENTIALS).openapi('LogoutRequest')

export const Session = z
  .object({
    id: SessionIdText,
    userId: z.string().nullable(),
    createdAt: INSTANT,
    authenticatedAt: INSTANT.nullable(),
    lastSeenAt: INSTANT,
    idleExpiresAt: INSTANT,
    expiresAt: INSTANT,
    lifetime: z.enum(['anonymous', 'signedIn', 'remembered']),
    transport: z.enum(['cookie', 'bearer']),
    authentication: z.object({ methods: z.array(z.string()).readonly(), level: z.string().nullable() }),
    device: z.object({
      userAgent: z.string().nullable(),
      address: z.string().nullable(),
      label: z.string().nullable(),
    }),
  })
  .openapi('Session')

const HEADERS = z.array(z.object({ name: z.string(), value: z.string() })).openapi({
  description: 'What to add to the response to the visitor: cookies, Vary, Cache-Control',
})
const SET_COOKIE = z.string().nullable().openapi({ description: 'Among headers, too: a Set-Cookie line' })

export const Accepted = z
  .object({
    valid: z.literal(true),
    session: Session,
    data: Fields,
    version: z.int(),
    remaining: z
      .object({ idle: z.number(), absolute: z.number() })
      .openapi({ description: 'Milliseconds left' }),
    token: z.string().nullable().openapi({
      description: 'New bearer token, to be given to the client: nobody is told it a second time',
    }),
    setCookie: SET_COOKIE,
    deleteCookie: SET_COOKIE,
    headers: HEADERS,
  })
  .openapi('Accepted')

export const REFUSALS = [
  'no-session',
  'csrf',
  'ambiguous',
  'too-large',
  'login-stale',
  'session-limit',
  'user-disabled',
] as const

export const Refused = z
  .object({
    valid: z.literal(false),
    reason: z.enum(REFUSALS),
    status: z.int().openapi({ description: 'What to answer the visitor, where the route needs a session' }),
    setCookie: z.null(),
    deleteCookie: SET_COOKIE,
    headers: HEADERS,
  })
  .openapi('Refused', { description: 'About the visitor’s request; all dead tokens look alike' })

export const Verdict = z.discriminatedUnion('valid', [Accepted, Refused]).openapi('Verdict')

export const LoggedOut = z
  .object({
    valid: z.literal(true),
    setCookie: z.null(),
    deleteCookie: SET_COOKIE,
    headers: HEADERS,
  })
  .openapi('LoggedOut')

export const SessionData = z.object({ data: Fields, version: z.int() }).openapi('SessionData')

const AT = { field: z.string().regex(FIELD) }

export const DataChange = z
  .strictObject({
    operations: z
      .array(
        z.discriminatedUnion('op', [
          z.strictObject({ op: z.literal('set'), ...AT, value: Json }),
          z.strictObject({ op: z.literal('delete'), ...AT }),
          z.strictObject({ op: z.literal('add'), ...AT, amount: z.number() }),
          z.strictObject({ op: z.literal('append'), ...AT, value: Json }),
          z.strictObject({ op: z.literal('remove'), ...AT, value: Json }),
        ]),
      )
      .min(1)
      .max(64)
      .openapi({ description: 'Applied in order, all or none' }),
    ifVersion: z.int().min(0).optional().openapi({ description: 'Else 409, and nothing is applied' }),
  })
  .openapi('DataChange')

export const AccessTokenRequest = z
  .strictObject({
    audience: z.union([z.string().min(1).max(256), z.array(z.string().min(1).max(256)).min(1).max(16)]),
    scope: z.string().max(1_024).optional(),
    clientId: z.string().min(1).max(256).optional(),
    expiresIn: z.int().min(1).max(3_600).optional().openapi({ description: 'Seconds' }),
  })
  .openapi('AccessTokenRequest')

export const AccessToken = z
  .object({
    accessToken: z.string(),
    tokenType: z.string(),
    expiresIn: z.number().openapi({ description: 'Seconds' }),
    scope: z.string(),
  })
  .openapi('AccessToken')

export const Page = z
  .object({ sessions: z.array(Session), cursor: z.string().nullable() })
  .openapi('SessionPage')

export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().openapi({ description: 'Stable, for programs' }),
    detail: z.string().optional(),
  })
  .openapi('Problem', { description: 'RFC 9457' })
