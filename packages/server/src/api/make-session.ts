import { Buffer } from 'node:buffer'
import type { z } from '@hono/zod-openapi'
import {
  isCoatcheckError,
  type JsonFields,
  type LoginAttempt,
  type OpenedSession,
  openSession,
  type Session,
} from 'coatcheck'
import type { Authority } from '../authority.ts'
import { CLAIMS_FIELD, OWN_FIELDS } from '../forward-auth/session-fields.ts'
import { ProblemError } from '../http/problem.ts'
import type { CreateRequest } from './schemas.ts'
import { ServiceExchange } from './service-exchange.ts'
import { acceptedOrNot, type RefusedVerdict, refused, refusedBy, type Verdict } from './verdict.ts'
import { type Presented, requireOpened, toExchange } from './visit.ts'

type Opened = OpenedSession<JsonFields>

export type Creation = z.infer<typeof CreateRequest>

/**
 * A session for a visitor: a login, in place of the session that the exchange came with, or an anonymous one with data. Where
 * an exchange is given it must come from the site's own pages, as for every login (LIO-05).
 */
export async function create(authority: Authority, creation: Creation): Promise<Verdict> {
  assertNotReserved(Object.keys(creation.data))
  assertNotReserved(creation.carry)
  const exchange = exchangeOf(authority, creation)
  return act(exchange, async () => {
    const opened = requireOpened(await openSession(authority.sessions, exchange))
    if (creation.userId === null) return startAnonymous(authority, opened, exchange, creation)
    const login = await logIn(authority, opened.session, creation.userId, creation)
    if (login === null) return refused('user-disabled')
    return finished(opened, exchange, login.token)
  })
}

/** A step-up: new id and token, everything else kept. */
export async function reauthenticate(
  authority: Authority,
  presented: Presented & {
    readonly methods?: string[] | undefined
    readonly level?: string | undefined
  },
): Promise<Verdict> {
  const exchange = toExchange(authority, presented)
  const { methods, level } = presented
  return act(exchange, async () => {
    const opened = requireOpened(await openSession(authority.sessions, exchange))
    if (opened.session.userId === null) {
      await opened.finish()
      return refused('no-session', exchange.response)
    }
    const { token } = await opened.session.reauthenticate({
      ...(methods && { methods }),
      ...(level !== undefined && { level }),
    })
    return finished(opened, exchange, token)
  })
}

/** Ends the session of the visitor at the visitor's wish; with none there is nothing to do but to take its cookie back. */
export async function logOut(authority: Authority, presented: Presented) {
  const exchange = toExchange(authority, presented)
  return act(exchange, async () => {
    const opened = requireOpened(await openSession(authority.sessions, exchange))
    await opened.session.logout()
    await opened.finish()
    opened.close()
    const { deleteCookie, headers } = refused('no-session', exchange.response)
    return { valid: true as const, setCookie: null, deleteCookie, headers }
  })
}

/** What a login begun now is made with, as a text for the service to keep while it checks the password. */
export async function beginLogin({ sessions }: Authority, userId: string): Promise<string> {
  const { epoch } = await sessions.beginLogin(userId)
  return Buffer.from(JSON.stringify([userId, epoch])).toString('base64url')
}

export function assertNotReserved(fields: readonly string[]): void {
  if (!OWN_FIELDS.some((own) => fields.includes(own))) return
  throw new ProblemError({
    status: 422,
    code: 'reserved-field',
    detail: `The fields ${OWN_FIELDS.join(' and ')} are the server’s own; the claims of users without an account come with the login.`,
  })
}

/** What is wrong with the visitor's request is a verdict. */
async function act<T>(exchange: ServiceExchange, work: () => Promise<T>): Promise<T | RefusedVerdict> {
  try {
    return await work()
  } catch (error) {
    if (!isCoatcheckError(error) || error.code !== 'ERR_INSECURE_TRANSPORT') {
      return refusedBy(error, exchange.response)
    }
    throw new ProblemError({ status: 422, code: error.code, detail: error.message })
  }
}

async function finished(
  opened: Opened,
  exchange: ServiceExchange,
  token: string | null = null,
): Promise<Verdict> {
  await opened.finish()
  const verdict = acceptedOrNot(opened, exchange.response, token)
  opened.close()
  return verdict
}

/** `null`: the account is disabled. One that is disabled, or changes its claims, meanwhile is noticed. */
async function logIn(
  { sessions, accounts }: Authority,
  session: Session<JsonFields>,
  userId: string,
  creation: Creation,
): Promise<{ readonly token: string | null } | null> {
  const attempt = creation.attempt === undefined ? await sessions.beginLogin(userId) : toAttempt(creation)
  const account = await accounts.find(userId)
  if (account?.disabled) return null
  if (account && creation.claims !== undefined) throw CLAIMS_OF_ACCOUNT
  const claims = account?.claims ?? creation.claims
  const { remember, methods, level, data, carry, transport } = creation
  const issued = await session.login(userId, {
    ...{ remember, methods, carry, transport, attempt },
    data: { ...(data as JsonFields), ...(claims && { [CLAIMS_FIELD]: claims as JsonFields }) },
    ...(level !== undefined && { level }),
  })
  if (account) await accounts.refreshClaims(account)
  return issued
}

async function startAnonymous(
  { sessions }: Authority,
  opened: Opened,
  exchange: ServiceExchange,
  { data, transport }: Creation,
): Promise<Verdict> {
  const { session } = opened
  if (Object.keys(data).length === 0) throw NEEDS_DATA
  if (session.id !== null) throw HAS_SESSION
  if (transport === 'cookie') {
    for (const [field, value] of Object.entries(data)) session.set(field, value as never)
    return finished(opened, exchange)
  }
  const { device } = session
  const fingerprint = `${device.label ?? 'unknown client'}, ${device.address ?? 'unknown network'}`
  const context = { ...device, fingerprint }
  const issued = await sessions.manager.start({ transport, context, data: data as JsonFields })
  opened.close()
  const { token } = issued
  const again = new ServiceExchange(VISIT, { authorization: `Bearer ${token}` })
  return acceptedOrNot(
    requireOpened(await openSession(sessions, again, { mode: 'peek' })),
    exchange.response,
    token,
  )
}

const VISIT = { method: 'GET', url: 'https://session.invalid/', headers: {} }

/** Without an exchange the service answers for where the login comes from. */
function exchangeOf({ settings }: Authority, { exchange }: Creation): ServiceExchange {
  return new ServiceExchange(exchange ?? { method: 'POST', url: settings.publicUrl.href, headers: {} })
}

function toAttempt({ attempt = '', userId }: Creation): LoginAttempt {
  try {
    const [of, epoch] = JSON.parse(Buffer.from(attempt, 'base64url').toString()) as unknown[]
    if (of === userId && typeof of === 'string' && typeof epoch === 'string') return { userId: of, epoch }
  } catch {
    // As any other text that is none.
  }
  throw new ProblemError({
    status: 422,
    code: 'login-attempt',
    detail: 'The attempt is none of this user id.',
  })
}

const CLAIMS_OF_ACCOUNT = new ProblemError({
  status: 422,
  code: 'claims-of-account',
  detail: 'This user has an account here, whose claims are the ones that count.',
})

const NEEDS_DATA = new ProblemError({
  status: 422,
  code: 'data-required',
  detail: 'An anonymous session is made for the data that it keeps: give some.',
})

const HAS_SESSION = new ProblemError({
  status: 409,
  code: 'session-exists',
  detail: 'The visitor has a session; change its data instead.',
})
