import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  createHandOff,
  type Departure,
  type HandOff,
  type JsonFields,
  resolveConnection,
  type Session,
  safeRedirectPath,
  securityHeaders,
} from 'coatcheck'
import { withSession } from 'coatcheck/node'
import { isReached } from '../accounts/levels.ts'
import type { Authority } from '../authority.ts'
import { trustedProxies } from '../http/trusted-proxies.ts'
import { milliseconds } from './asked.ts'
import {
  BEGIN_PATH,
  demand,
  HOST_PATHS,
  ISSUE_PATH,
  LOGOUT_PATH,
  type ProtectedHost,
  ProtectedHosts,
  RECEIVE_PATH,
  type StepUp,
} from './protected-hosts.ts'
import { CLAIMS_FIELD, PROVEN_FIELD } from './session-fields.ts'

/** One request to a path below `/.coatcheck/`. */
interface Visit {
  readonly session: Session<JsonFields>
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly parameters: URLSearchParams
  readonly host: ProtectedHost
}

/**
 * What the server does on protected hosts themselves, where browsers do not send the cookie of the login page: it hands users
 * over (`begin` and `hand-off` there, `issue` on its own host), and signs out. Proxies send it every path below `/.coatcheck/`.
 * Answers `false` for any other path.
 */
export function hostPathsHandler(
  authority: Authority,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const paths = new HostPaths(authority)
  return (request, response) => {
    if (!request.url?.startsWith(HOST_PATHS)) return false
    paths.answer(request, response)
    return true
  }
}

class HostPaths {
  readonly #authority: Authority
  readonly #trust: readonly string[]
  readonly #hosts: ProtectedHosts
  readonly #headers: Map<string, string>
  readonly #issuing: HandOff<JsonFields>
  readonly #receiving: ReadonlyMap<string, HandOff<JsonFields>>

  constructor(authority: Authority) {
    const { settings, sessions } = authority
    this.#authority = authority
    this.#trust = trustedProxies(settings)
    this.#hosts = new ProtectedHosts(settings)
    const own = settings.publicUrl.origin
    const plain = own.startsWith('http:')
    this.#headers = new Map(Object.entries(securityHeaders(plain ? { hsts: false } : {})))
    const callback = (origin: string) => origin + RECEIVE_PATH
    const apart = this.#hosts.apart.map(({ origin }) => origin)
    const fields = [CLAIMS_FIELD]
    // Nobody is handed over to the host with the login page; plain HTTP beyond this machine is no address for it.
    const here = apart.length === 0 ? 'https://unused.invalid' : own
    this.#issuing = createHandOff(sessions, { callback: callback(here), sites: apart.map(callback) })
    this.#receiving = new Map(
      apart.map((origin) => [
        origin,
        createHandOff(sessions, { callback: callback(origin), sites: [callback(own)], fields }),
      ]),
    )
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const { socket, headers } = request
    const connection = resolveConnection(
      {
        encrypted: 'encrypted' in socket && socket.encrypted === true,
        host: headers.host,
        remoteAddress: socket.remoteAddress ?? null,
        header: (name) => headers[name]?.toString(),
      },
      this.#trust,
    )
    const host = this.#hosts.find(connection)
    response.setHeaders(this.#headers)
    response.setHeader('cache-control', 'no-store')
    if (host === null) say(response, 403, 'This host is not set up.')
    else this.#visit(request, response, host)
  }

  #visit(request: IncomingMessage, response: ServerResponse, host: ProtectedHost): void {
    const { pathname, searchParams: parameters } = new URL(request.url ?? '/', host.origin)
    const step = this.#step(request.method, pathname) ?? nothing
    const onError = (error: unknown) => this.#authority.log.error({ err: error }, 'hand-off failed')
    void withSession(
      this.#authority.sessions,
      request,
      response,
      (session) => step({ session, request, response, parameters, host }),
      { trustProxy: this.#trust, onError },
    )
  }

  #step(method: string | undefined, path: string): ((visit: Visit) => unknown) | null {
    switch (`${method} ${path}`) {
      case `GET ${BEGIN_PATH}`:
        return (visit) => this.#begin(visit)
      case `GET ${ISSUE_PATH}`:
        return (visit) => this.#issue(visit)
      case `GET ${RECEIVE_PATH}`:
        return (visit) => this.#receive(visit)
      case `POST ${LOGOUT_PATH}`:
        return (visit) => this.#logout(visit)
      default:
        return null
    }
  }

  #begin({ response, parameters, host }: Visit): void {
    const returnTo = parameters.get('return_to') ?? undefined
    const handOff = this.#receiving.get(host.origin)
    const at = this.#hosts.issueAddress(stepUpOf(parameters))
    if (handOff) depart(response, handOff.begin({ at, returnTo }))
    else say(response, 404, 'There is nothing here.')
  }

  async #issue({ session, request, response, parameters }: Visit): Promise<void> {
    const stepUp = stepUpOf(parameters)
    const proven = session.userId !== null && meets(session, stepUp)
    const issued = proven
      ? await this.#issuing.issue(session, {
          to: parameters.get('to'),
          challenge: parameters.get('challenge'),
        })
      : null
    if (issued?.ok) return depart(response, issued)
    if (issued && issued.reason !== 'session' && issued.reason !== 'anonymous') return refuse(response)
    const again = session.userId === null ? '' : '&reauthenticate=1'
    const returnTo = encodeURIComponent(request.url ?? '/')
    response.writeHead(303, { location: `/login?return_to=${returnTo}${again}${demand(stepUp)}` }).end()
  }

  async #receive({ session, request, response, parameters, host }: Visit): Promise<void> {
    const handOff = this.#receiving.get(host.origin)
    if (!handOff) return refuse(response)
    const received = await handOff.receive(session, {
      code: parameters.get('code'),
      state: parameters.get('state'),
      cookie: request.headers.cookie,
    })
    if (!received.ok) {
      response.appendHeader('Set-Cookie', received.setCookies)
      return received.reason === 'session' ? say(response, 409, TOO_MANY) : refuse(response)
    }
    const { authenticatedAgo } = received
    if (authenticatedAgo !== null) {
      session.set(PROVEN_FIELD, this.#authority.environment.now() - authenticatedAgo)
    }
    depart(response, received)
  }

  /** By POST alone, from a page of this host (LIO-05); what it is linked with ends as well. */
  async #logout({ session, response, parameters }: Visit): Promise<void> {
    await session.logout()
    response.writeHead(303, { location: safeRedirectPath(parameters.get('return_to')) }).end()
  }
}

/** A session is linked with 32 others. */
const TOO_MANY =
  'You are signed in at as many sites as can be. Sign out, and sign in again where you need it.'

function nothing({ response }: Visit): void {
  say(response, 404, 'There is nothing here.')
}

/** Does not begin again by itself: a browser that keeps no cookies would go round for ever. */
function refuse(response: ServerResponse): void {
  say(response, 400, 'This link is good no more. Go back to the page that you wanted to see.')
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
}

function stepUpOf(parameters: URLSearchParams): StepUp | null {
  const fresh = milliseconds(parameters.get('fresh') ?? '')
  const levels = (parameters.get('level') ?? '').split(',').filter((level) => /^[!-~]{1,64}$/.test(level))
  return fresh === null && levels.length === 0 ? null : { fresh, levels }
}

/** What is asked for elsewhere is looked at there again: whoever takes it out of the address comes back here. */
function meets(session: Session<JsonFields>, stepUp: StepUp | null): boolean {
  if (stepUp === null) return true
  if (stepUp.levels.length > 0 && !isReached(stepUp.levels, session.authentication.level)) return false
  return stepUp.fresh === null || session.isFresh(stepUp.fresh)
}

function depart(response: ServerResponse, { location, setCookies, headers }: Departure): void {
  response.setHeaders(new Map(Object.entries(headers)))
  response.appendHeader('Set-Cookie', setCookies)
  response.writeHead(303, { location }).end()
}
