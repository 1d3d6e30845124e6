import type { IncomingMessage, ServerResponse } from 'node:http'
import { type JsonFields, openSession, type Session } from 'coatcheck'
import { withoutTokens } from 'coatcheck/tokens'
import { isReached } from '../accounts/levels.ts'
import type { Authority } from '../authority.ts'
import { trustedProxies } from '../http/trusted-proxies.ts'
import { noteSession } from '../operations/request-notes.ts'
import { type Asked, parseAsked } from './asked.ts'
import { type ClaimHeader, claimHeaders, identityHeaders } from './identity-headers.ts'
import { type OriginalRequest, PREFIX, readOriginalRequest } from './original-request.ts'
import { HOST_PATHS, type ProtectedHost, ProtectedHosts } from './protected-hosts.ts'
import { challenge, FAULTS, REFUSAL_HEADERS, type Refusal, refusalOf, statusOf, TEXTS } from './refusals.ts'
import { ServiceTokens } from './service-tokens.ts'
import { claimsOf, isProven } from './session-fields.ts'

const PATH = '/forward-auth'
const READ = Object.freeze({ mode: 'read' as const })

/** How often the log repeats that a proxy is set up wrongly, in milliseconds. */
const REMINDER = 60_000

/** Of the token, in characters: with everything else it fits into the 8 kB that the guide gives nginx for an answer's head. */
const LONGEST_TOKEN = 4_096

/** One sub-request whose asker is known. */
interface Question {
  readonly original: OriginalRequest
  readonly asked: Asked
  readonly host: ProtectedHost
}

interface Answer {
  readonly status: 204 | 302 | 401 | 403 | 503
  /** Names and values in turn. */
  readonly headers: readonly string[]
  /** Whose request it is, for the log: the public id. */
  readonly sessionId?: string
}

type AnySession = Session<JsonFields>

/**
 * Answers proxies' sub-requests about the session of a request (`/forward-auth`, whatever the method): 204 with who it is, or 401 or
 * 403. Counts as activity, and never rotates or sets a cookie. Answers `false` for any other path. At once where the session is
 * in the near cache: no promise, no framework.
 */
export function forwardAuthHandler(
  authority: Authority,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const forwardAuth = new ForwardAuth(authority)
  return (request, response) => {
    const { url = '' } = request
    if (!url.startsWith(PATH)) return false
    const next = url.charAt(PATH.length)
    if (next !== '' && next !== '?' && next !== '/') return false
    const answer = forwardAuth.answer(request)
    if (answer instanceof Promise) void answer.then((later) => send(request, response, later))
    else send(request, response, answer)
    return true
  }
}

class ForwardAuth {
  readonly #authority: Authority
  readonly #trust: readonly string[]
  readonly #hosts: ProtectedHosts
  readonly #claims: readonly ClaimHeader[]
  readonly #tokens: ServiceTokens
  readonly #reminded = new Map<Refusal, number>()

  constructor(authority: Authority) {
    this.#authority = authority
    this.#trust = trustedProxies(authority.settings)
    this.#hosts = new ProtectedHosts(authority.settings)
    this.#claims = claimHeaders(authority.settings.claims)
    this.#tokens = new ServiceTokens(authority.tokens, authority.environment)
  }

  /** Never throws or rejects. */
  answer(request: IncomingMessage): Answer | Promise<Answer> {
    const question = this.#read(request)
    if (typeof question === 'string') return this.#refuseProxy(request, question)
    try {
      const answer = this.#look(question)
      if (!(answer instanceof Promise)) return answer
      return answer.catch((error: unknown) => this.#fail(question, error))
    } catch (error) {
      return this.#fail(question, error)
    }
  }

  #read(request: IncomingMessage): Question | Refusal {
    const original = readOriginalRequest(request, this.#trust)
    if (typeof original === 'string') return original
    const asked = parseAsked(queryOf(request))
    if (asked === null) return 'options'
    const host = this.#hosts.find(original.connection)
    if (host === null) return 'host'
    return original.url.startsWith(HOST_PATHS) ? 'route' : { original, asked, host }
  }

  #look(question: Question): Answer | Promise<Answer> {
    const opening = openSession(this.#authority.sessions, question.original, READ)
    if (!(opening instanceof Promise)) return this.#judge(question, opening?.session)
    return opening.then((opened) => this.#judge(question, opened?.session))
  }

  #judge(question: Question, session: AnySession | undefined): Answer | Promise<Answer> {
    const { id = null, userId = null } = session ?? {}
    if (!session || id === null || userId === null) return this.#refuse(question, 'unauthenticated')
    if (!this.#isProven(session, question.asked))
      return { ...this.#refuse(question, 'step-up'), sessionId: id }
    const claims = this.#claims.length === 0 ? undefined : claimsOf(session)
    const headers = identityHeaders({ userId, sessionId: id }, claims, this.#claims)
    if (headers === null) return this.#refuseClaims(question, id)
    const { audience } = question.asked
    if (audience === null) return { status: 204, headers, sessionId: id }
    const withToken = (token: string): Answer =>
      token.length > LONGEST_TOKEN
        ? this.#refuseClaims(question, id)
        : { status: 204, headers: [...headers, 'X-Auth-Token', token], sessionId: id }
    const chosen = chosenClaims(claims, this.#claims)
    const token = this.#tokens.of({ id, userId }, { audience, claims: chosen, identity: headers.join('\n') })
    return token instanceof Promise ? token.then(withToken) : withToken(token)
  }

  #isProven(session: AnySession, { fresh, levels }: Asked): boolean {
    if (levels.length > 0 && !isReached(levels, session.authentication.level)) return false
    return fresh === null || isProven(session, fresh, this.#authority.environment)
  }

  #fail(question: Question, error: unknown): Answer {
    const refusal = refusalOf(error)
    if (refusal === null) this.#authority.log.error({ err: error }, 'forward-auth failed')
    return this.#refuse(question, refusal ?? 'error')
  }

  #refuse({ original, asked, host }: Question, refusal: Refusal): Answer {
    const status = statusOf(refusal, asked)
    const headers = [...REFUSAL_HEADERS, 'X-Auth-Error', refusal]
    if (status === 503) headers.push('Retry-After', '5')
    if (status !== 401) return { status, headers }
    if (original.isNavigation) {
      const stepUp = refusal === 'step-up' ? asked : null
      const location = this.#hosts.loginAddress(host, withoutTokens(original.url), stepUp)
      if (asked.redirect) return { status: 302, headers: [...headers, 'Location', location] }
      headers.push('X-Auth-Location', location)
    }
    return { status, headers: [...headers, 'WWW-Authenticate', challenge(refusal, asked)] }
  }

  /** A claim that is left out might be one that takes rights away. */
  #refuseClaims(question: Question, sessionId: string): Answer {
    this.#remind('claims-too-long', { sessionId })
    return this.#refuse(question, 'claims-too-long')
  }

  /** Nothing is wrong with the visitor's request: whoever set the proxy up has to hear of it. */
  #refuseProxy(request: IncomingMessage, refusal: Refusal): Answer {
    this.#remind(refusal, { host: request.headers['x-forwarded-host'] ?? request.headers.host })
    return { status: 403, headers: [...REFUSAL_HEADERS, 'X-Auth-Error', refusal] }
  }

  #remind(refusal: Refusal, about: object): void {
    const now = this.#authority.environment.monotonic()
    const before = this.#reminded.get(refusal)
    if (before !== undefined && now - before < REMINDER) return
    this.#reminded.set(refusal, now)
    this.#authority.log.warn({ refusal, ...about }, FAULTS[refusal])
  }
}

/** The sub-request's own query is the proxy's; behind `PREFIX` it is the client's, and the proxy has a header. */
function queryOf({ url = '', headers }: IncomingMessage): string {
  if (url.startsWith(PREFIX)) return headers['x-auth-options']?.toString() ?? ''
  const query = url.indexOf('?')
  return query === -1 ? '' : url.slice(query + 1)
}

function chosenClaims(claims: JsonFields | undefined, chosen: readonly ClaimHeader[]): JsonFields {
  if (claims === undefined) return {}
  const names = chosen.map(({ claim }) => claim).filter((claim) => Object.hasOwn(claims, claim))
  return Object.fromEntries(names.map((claim) => [claim, claims[claim] ?? null]))
}

/** A body that a proxy sent along is not read: the connection goes instead. */
function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { status, headers, sessionId } = answer
  if (sessionId !== undefined) noteSession(response, sessionId)
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  const hasBody = encoding !== undefined || (length !== undefined && length !== '0')
  const last = hasBody ? ['Connection', 'close'] : []
  if (status === 204) {
    response.writeHead(204, ['Cache-Control', 'no-store', ...headers, ...last]).end()
    return
  }
  const body = status === 302 ? '' : TEXTS[status]
  const about = ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', String(body.length)]
  response.writeHead(status, [...about, ...headers, ...last]).end(body)
}
