import { type Client, type CommonOptions, clientOf, globalFetch } from './client.ts'
import { Debt } from './debt.ts'
import { DpopProofs } from './dpop-proofs.ts'
import { asksForStepUp, discard, type Fetch, Outgoing } from './outgoing.ts'
import { onReturn, systemEnvironment } from './platform.ts'
import { type SessionEnd, SessionLife } from './session-life.ts'
import { isBelow, resolveBase, resolveOwn } from './targets.ts'
import { TokenSession } from './token-session.ts'
import { TokenKeeper, type TokenResponse, type TokenStorage } from './tokens.ts'

export interface BearerClientOptions extends CommonOptions {
  /** Path below `baseUrl` that refreshes tokens (RFC 6749, section 6). Default `'token'`. */
  readonly tokenPath?: string
  /** Sent with what goes to `tokenPath` and `logoutPath`, as public clients do. Default none. */
  readonly clientId?: string
  /**
   * Default `'memory'`: a reload asks the other tabs, and else signs in anew. `'sessionStorage'` survives a reload;
   * `'unsafeLocalStorage'` the end of the browser, in reach of any script of the origin, ever.
   */
  readonly tokenStorage?: TokenStorage
  /**
   * Whether tokens are bound to a key of this browser (RFC 9449), which no script can copy. Requests carry a proof of it then,
   * those before the sign-in too, so that the login can bind what it issues. Default false.
   */
  readonly dpop?: boolean
}

export interface BearerClient extends Client {
  /** The answer of a login or of a token endpoint, as it came: signed in from now on, in all tabs. Throws `TypeError` where it is none. */
  setTokens(response: TokenResponse): void
}

/** For access and refresh tokens that scripts hold. Throws `TypeError` for options that cannot work. */
export function createBearerClient(options: BearerClientOptions): BearerClient {
  const { life, ...own } = new BearerSession(options)
  return clientOf(life, own)
}

class BearerSession {
  readonly life: SessionLife
  readonly #base: URL
  readonly #logout: URL
  readonly #fetch: Fetch
  readonly #proofs: DpopProofs | null
  readonly #session: TokenSession
  readonly #debt = new Debt('')
  readonly #stop: () => void
  /** Until the other tabs have had time to tell what they know. */
  readonly #ready: Promise<void>

  constructor(options: BearerClientOptions) {
    const { tokenPath = 'token', logoutPath = 'logout', clientId = null, share = true } = options
    const { environment = systemEnvironment, tokenStorage = 'memory' } = options
    this.#base = resolveBase(options.baseUrl)
    this.#logout = resolveOwn(this.#base, logoutPath)
    this.#fetch = options.fetch ?? globalFetch
    const name = `coatcheck bearer ${this.#base.href}`
    // Nobody is asked before, since a use of the refresh token would count as activity.
    this.life = new SessionLife(
      environment,
      async () => {},
      () => this.#end('expired'),
    )
    this.#proofs = options.dpop ? new DpopProofs(environment, name) : null
    this.#session = new TokenSession({
      environment,
      fetch: this.#fetch,
      life: this.life,
      keeper: new TokenKeeper(tokenStorage, name),
      proofs: this.#proofs,
      tokenUrl: resolveOwn(this.#base, tokenPath),
      clientId,
      channel: share ? name : null,
    })
    this.#ready = this.#session.siblings.ask()
    this.#stop = onReturn(() => void this.#comeBack())
  }

  readonly fetch: Fetch = async (input, init) => {
    const outgoing = new Outgoing(this.#fetch, this.#base, input, init)
    if (!isBelow(this.#base, outgoing.url) || outgoing.header('authorization') !== null) {
      return outgoing.pass()
    }
    await this.#ready
    await this.#session.freshen()
    const used = this.#session.tokens
    const response = await this.#send(outgoing)
    if (response.status !== 401 || asksForStepUp(response)) return this.#hear(response, used?.line)
    await this.#session.refresh(used?.access ?? null)
    const { tokens } = this.#session
    if (!tokens || tokens.access === used?.access || !outgoing.isRepeatable) return response
    discard(response)
    return this.#hear(await this.#send(outgoing), tokens.line)
  }

  readonly setTokens = (response: TokenResponse): void => {
    const { access_token, token_type } = response ?? {}
    if (typeof access_token !== 'string' || typeof token_type !== 'string') {
      throw new TypeError('No token response.')
    }
    this.#session.start(response)
  }

  readonly logout = async (): Promise<boolean> => {
    const tokens = this.#end('logout')
    if (!tokens) return true
    const token = tokens.refresh ?? tokens.access
    this.#debt.attempt = () => this.#session.post(this.#logout, { token })
    return this.#debt.owe()
  }

  readonly close = (): void => {
    this.#stop()
    this.#session.siblings.close()
    this.life.countdown.clear()
  }

  /** With the access token as it is now, and once more where the server wants another proof with it. */
  async #send(outgoing: Outgoing): Promise<Response> {
    const { access = null, isDpop = true } = this.#session.tokens ?? {}
    const proofs = isDpop ? this.#proofs : null
    const { method, url, isRepeatable } = outgoing
    const send = async () => {
      const credential = {
        ...(access !== null && { authorization: `${proofs ? 'DPoP' : 'Bearer'} ${access}` }),
        ...(proofs && { dpop: await proofs.proof(method, url, access) }),
      }
      return outgoing.send(access === null && !proofs ? null : credential, false)
    }
    const response = await send()
    const isRefused = response.status === 401 || (response.status === 400 && access === null)
    if (!proofs?.hear(response, access === null) || !isRefused || !isRepeatable) return response
    discard(response)
    return send()
  }

  #hear(response: Response, line: string | undefined): Response {
    this.#session.hear(response, line)
    return response
  }

  #end(reason: SessionEnd['reason']) {
    const tokens = this.#session.stop()
    if (tokens) this.#session.siblings.tellEnd(reason, tokens.line)
    this.life.end({ reason, elsewhere: false })
    return tokens
  }

  async #comeBack(): Promise<void> {
    await this.#debt.pay()
    await this.#session.siblings.ask()
  }
}
