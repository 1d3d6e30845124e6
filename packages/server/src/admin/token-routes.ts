import { createAccessTokenVerifier, describeToken, type TokenDescription } from 'coatcheck/tokens'
import { Hono } from 'hono'
import { z } from 'zod'
import type { Authority } from '../authority.ts'
import { type AdminApp, readBody } from './admin-request.ts'

const InspectBody = z.strictObject({ token: z.string().max(8_192) })

/** What the stores know of a token. */
interface Standing {
  /** `live`, `ended`, `unknown` or, of an access token, `refused`. */
  readonly state: string
  /** What it is, in words. */
  readonly what: string
  readonly [detail: string]: unknown
}

/** Explains tokens: what one says by itself, and what the stores know of it. Nothing is trusted, used up, touched or kept. */
export function tokenRoutes(authority: Authority): Hono<AdminApp> {
  return new Hono<AdminApp>().post('/inspect', async (c) => {
    const { token } = await readBody(c, InspectBody)
    const says = describeToken(token.trim())
    return c.json({ says, standing: says && (await standingOf(authority, token.trim(), says)) })
  })
}

function standingOf(authority: Authority, token: string, says: TokenDescription): Promise<Standing | null> {
  switch (says.kind) {
    case 'session':
      return sessionStanding(authority, token, says.id)
    case 'api-key':
      return keyStanding(authority, says.id)
    case 'access-token':
      return accessTokenStanding(authority, token, says)
    case 'one-time-code':
      return Promise.resolve(null)
  }
}

async function sessionStanding(
  authority: Authority,
  token: string,
  id: Parameters<Authority['sessions']['manager']['lookUp']>[0],
): Promise<Standing> {
  const { sessions, adminSessions } = authority
  const ofAdmin = !sessions.manager.recognises(token) && adminSessions.manager.recognises(token)
  const { manager } = ofAdmin ? adminSessions : sessions
  const found = await manager.store.find(id)
  const kind = ofAdmin ? 'administrator’s session' : 'session'
  if (found.status === 'unknown') return { state: 'unknown', what: kind }
  if (found.status === 'ended') {
    const { reason, endedAt, userId } = found.tombstone
    return { state: 'ended', what: kind, reason, endedAt, userId: shown(userId) }
  }
  const { userId, data } = found.record
  if (userId?.startsWith(INNER)) {
    return { state: 'live', what: 'refresh token', sessionId: data.sessionId ?? null, tokenChecked: false }
  }
  const validation = await manager.validate(token, PEEK)
  const session = await manager.find(id)
  return { state: 'live', what: kind, tokenAccepted: validation.ok, ...(session && { session }) }
}

/** How ids of users begin that are no user's: of what hangs on sessions. */
const INNER = '\u0001'

function shown(userId: string | null): string | null {
  return userId?.startsWith(INNER) ? null : userId
}

const PEEK = {
  transport: 'bearer',
  context: { userAgent: null, address: null, label: null, fingerprint: 'inspection' },
  mode: 'peek',
  touch: false,
  consistency: 'strong',
  onOutage: 'fail',
} as const

async function keyStanding({ apiKeys }: Authority, id: string | null): Promise<Standing> {
  if (id === null) return { state: 'unknown', what: 'API key, mistyped or made up' }
  const key = await apiKeys.find(id)
  return key
    ? { state: 'live', what: 'API key', key, tokenChecked: false }
    : { state: 'unknown', what: 'API key' }
}

async function accessTokenStanding(
  { settings, signingKeys, tokens, environment }: Authority,
  token: string,
  { claims }: Extract<TokenDescription, { kind: 'access-token' }>,
): Promise<Standing> {
  const audience = typeof claims.aud === 'string' ? claims.aud : [claims.aud ?? []].flat().map(String)[0]
  const verifier = createAccessTokenVerifier({
    issuer: settings.publicUrl.origin,
    audience: audience ?? settings.publicUrl.origin,
    jwks: signingKeys,
    revocation: tokens.liveness,
    environment,
  })
  const verdict = await verifier.verify(token)
  return verdict.ok
    ? { state: 'live', what: 'access token of this server' }
    : { state: 'refused', what: 'access token', reason: verdict.reason }
}
