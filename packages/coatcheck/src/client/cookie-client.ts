import type { SessionStatus } from '../http/session-status.ts'
import { type Client, type CommonOptions, clientOf, globalFetch } from './client.ts'
import { parseExpires, type Remaining } from './countdown.ts'
import { Debt } from './debt.ts'
import { asksForStepUp, discard, type Fetch, Outgoing } from './outgoing.ts'
import { type Channel, onReturn, openChannel, openStorage, systemEnvironment } from './platform.ts'
import { type SessionEnd, SessionLife } from './session-life.ts'
import { isBelow, resolveBase, resolveOwn } from './targets.ts'

export interface CookieClientOptions extends CommonOptions {
  /**
   * Path below `baseUrl` whose GET answers the JSON of `sessionStatus(session)`; `null` where there is none, and then no CSRF
   * token is sent and every 401 means the end. Default `'session'`.
   */
  readonly statusPath?: string | null
  /** That value as the page was rendered with it, so that it need not be asked for. */
  readonly initial?: SessionStatus
  /** Header for the CSRF token. Default `'x-csrf-token'`; `false`: none is sent. */
  readonly csrfHeader?: string | false
}

export interface CookieClient extends Client {
  /** Asks the server, which counts as no use of the session; `null` where it cannot be reached or has no such route. */
  status(): Promise<SessionStatus | null>
}

/**
 * For sessions in a cookie, which the browser sends by itself and no script can read. Adds the CSRF token to unsafe requests.
 * Throws `TypeError` for options that cannot work.
 */
export function createCookieClient(options: CookieClientOptions): CookieClient {
  const { life, ...own } = new CookieSession(options)
  return clientOf(life, own)
}

/** What tabs tell each other. */
interface Message {
  readonly end: SessionEnd['reason']
}

class CookieSession {
  readonly life: SessionLife
  readonly #base: URL
  readonly #status: URL | null
  readonly #logout: URL
  readonly #fetch: Fetch
  readonly #csrfHeader: string | false
  readonly #channel: Channel | null
  readonly #debt: Debt
  readonly #stop: () => void
  #csrf: Pick<SessionStatus, 'id' | 'csrfToken'> | null = null
  #asking: Promise<SessionStatus | null> | null = null

  constructor(options: CookieClientOptions) {
    const { statusPath = 'session', logoutPath = 'logout', csrfHeader = 'x-csrf-token', initial } = options
    this.#base = resolveBase(options.baseUrl)
    this.#status = statusPath === null ? null : resolveOwn(this.#base, statusPath)
    this.#logout = resolveOwn(this.#base, logoutPath)
    this.#fetch = options.fetch ?? globalFetch
    this.#csrfHeader = this.#status === null && !initial ? false : csrfHeader
    this.life = new SessionLife(
      options.environment ?? systemEnvironment,
      () => this.status(),
      () => this.#end('expired'),
    )
    const name = `coatcheck cookie ${this.#base.href}`
    const { share = true } = options
    this.#debt = new Debt(name, share ? openStorage('localStorage') : null)
    this.#debt.attempt = () => this.#sendLogout()
    this.#channel = share ? openChannel(name) : null
    if (this.#channel) this.#channel.onmessage = ({ data }) => this.#hearOthers(data as Message)
    this.#stop = onReturn(() => void this.#comeBack())
    if (this.#debt.isOwed) void this.logout()
    if (initial) this.#adopt(initial, this.life.signs)
  }

  readonly fetch: Fetch = async (input, init) => {
    const outgoing = new Outgoing(this.#fetch, this.#base, input, init)
    if (!isBelow(this.#base, outgoing.url)) return outgoing.pass()
    await this.#debt.pay()
    if (this.#debt.isOwed) throw new TypeError('A logout is pending.')
    const { ends } = this.life
    const response = await this.#sendTwice(outgoing)
    if (response.status !== 401 || asksForStepUp(response)) return this.#hear(response, ends)
    if (!(await this.#isAlive()) || !outgoing.isRepeatable) return response
    discard(response)
    return this.#hear(await this.#send(outgoing), this.life.ends)
  }

  readonly status = (): Promise<SessionStatus | null> => {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  readonly logout = (): Promise<boolean> => {
    const csrf = this.#csrf
    this.#end('logout')
    this.#csrf = csrf
    return this.#debt.owe()
  }

  readonly close = (): void => {
    this.#stop()
    this.#channel?.close()
    this.life.countdown.clear()
  }

  async #sendLogout(): Promise<Response> {
    const init = { method: 'POST', redirect: 'manual', keepalive: true } as const
    const response = await this.#sendTwice(new Outgoing(this.#fetch, this.#base, this.#logout, init))
    this.#csrf = null
    return response
  }

  /** Again where it was refused and the session has become another one since its CSRF token was made. */
  async #sendTwice(outgoing: Outgoing): Promise<Response> {
    const response = await this.#send(outgoing)
    if (response.status !== 403 || outgoing.isSafe || !this.#csrfHeader || !outgoing.isRepeatable) {
      return response
    }
    const before = this.#csrf?.id
    await this.status()
    if (!this.#csrf || this.#csrf.id === before) return response
    discard(response)
    return this.#send(outgoing)
  }

  async #send(outgoing: Outgoing): Promise<Response> {
    if (outgoing.isSafe || !this.#csrfHeader) return outgoing.send(null, true)
    if (!this.#csrf) await this.status()
    if (!this.#csrf) return outgoing.send(null, true)
    return outgoing.send({ [this.#csrfHeader]: this.#csrf.csrfToken }, true)
  }

  async #ask(): Promise<SessionStatus | null> {
    if (!this.#status) return null
    const { signs } = this.life
    try {
      const init = { cache: 'no-store' } as const
      const response = await new Outgoing(this.#fetch, this.#base, this.#status, init).send(null, true)
      const status = response.ok ? ((await response.json()) as SessionStatus) : null
      if (typeof status?.signedIn !== 'boolean') return null
      this.#adopt(status, signs)
      return status
    } catch {
      return null
    }
  }

  /** `signs`: of life before the server was asked. */
  #adopt(status: SessionStatus, signs: number): void {
    const { signedIn, id, csrfToken, idle, absolute } = status
    if (signedIn) {
      this.#told(idle !== null && absolute !== null ? { idle, absolute } : null)
    } else if (signs === this.life.signs) {
      if (this.life.isLive) this.#end('ended')
      // There is no session, and nothing has ended either.
      else this.life.isLive ??= false
    }
    if (typeof csrfToken === 'string') this.#csrf = { id, csrfToken }
  }

  #told(remaining: Remaining | null): void {
    // The session that is to end on the server is no sign of another one.
    if (this.#debt.isOwed) return
    // Somebody has signed in: what was known of the session before is of no use.
    if (!this.life.isLive) this.#csrf = null
    this.life.live(remaining)
  }

  /** `ends`: of sessions before the request was sent. */
  #hear(response: Response, ends: number): Response {
    const remaining = parseExpires(response)
    if (!remaining || ends !== this.life.ends) return response
    if (remaining.absolute > 0) this.#told(remaining)
    // A hint only: the response may be older than a login.
    else if (this.life.isLive) void this.#isAlive()
    return response
  }

  /** After a sign that the session is over: whether it is alive all the same. */
  async #isAlive(): Promise<boolean> {
    const { isLive, ends, signs } = this.life
    const status = await this.status()
    // The status said so, or a login was heard of meanwhile.
    if (signs !== this.life.signs) return true
    if (ends !== this.life.ends || (!status && this.#status)) return false
    // Whatever asked for it took it for alive.
    if (isLive === null) this.life.live(null)
    this.#end('ended')
    return false
  }

  #end(reason: SessionEnd['reason']): void {
    this.#csrf = null
    this.life.end({ reason, elsewhere: false })
    this.#channel?.postMessage({ end: reason } satisfies Message)
  }

  #hearOthers(message: Message): void {
    // Somebody who has not heard for long counts to another end.
    if (message.end === 'expired' && (this.life.countdown.remaining?.idle ?? 0) > 0) return
    this.#csrf = null
    this.life.end({ reason: message.end, elsewhere: true })
  }

  async #comeBack(): Promise<void> {
    await this.#debt.pay()
    if (this.life.isLive) await this.status()
  }
}
