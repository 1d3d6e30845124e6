import { parseExpires } from './countdown.ts'
import type { DpopProofs } from './dpop-proofs.ts'
import type { Fetch } from './outgoing.ts'
import { type ClientEnvironment, randomText } from './platform.ts'
import type { SessionEnd, SessionLife } from './session-life.ts'
import { type Household, Siblings } from './siblings.ts'
import {
  fromResponse,
  remainingOf,
  type SentTokens,
  type TokenKeeper,
  type TokenResponse,
  type Tokens,
} from './tokens.ts'

export interface TokenSessionParts {
  readonly environment: ClientEnvironment
  readonly fetch: Fetch
  readonly life: SessionLife
  readonly keeper: TokenKeeper
  readonly proofs: DpopProofs | null
  readonly tokenUrl: URL
  readonly clientId: string | null
  /** `null`: shares with nobody. */
  readonly channel: string | null
}

/** The tokens of one sign-in, kept fresh together with the other tabs. */
export class TokenSession implements Household {
  readonly siblings: Siblings
  readonly #parts: TokenSessionParts
  /** Sign-ins that are over: what a tab that has not heard of it tells of them is not taken. */
  readonly #over = new Set<string>()
  #tokens: Tokens | null
  #refreshing: Promise<void> | null = null

  constructor(parts: TokenSessionParts) {
    this.#parts = parts
    this.#tokens = parts.keeper.load()
    if (this.#tokens) parts.life.live(null)
    this.siblings = new Siblings(parts.environment, this, parts.channel)
  }

  get tokens(): Tokens | null {
    return this.#tokens
  }

  sent(): SentTokens | null {
    const { environment, life } = this.#parts
    const tokens = this.#tokens
    if (!tokens) return null
    return {
      ...tokens,
      left: tokens.expiresAt - environment.monotonic(),
      remaining: life.countdown.remaining,
    }
  }

  take(sent: SentTokens): void {
    const known = this.#tokens
    if (this.#over.has(sent.line) || (known && known.line === sent.line && known.turn >= sent.turn)) return
    this.#keep({ ...sent, expiresAt: this.#parts.environment.monotonic() + sent.left })
    this.#parts.life.live(sent.remaining)
  }

  endElsewhere(reason: SessionEnd['reason'], line: string): void {
    this.#over.add(line)
    if (this.#tokens?.line !== line) return
    this.#keep(null)
    this.#parts.life.end({ reason, elsewhere: true })
  }

  /** A new sign-in. */
  start(response: TokenResponse): void {
    const { environment, life } = this.#parts
    this.#keep(fromResponse(response, environment.monotonic(), randomText(9), null))
    life.live(remainingOf(response))
    this.siblings.tellTokens()
  }

  /** Ends the sign-in here; answers what its tokens were. */
  stop(): Tokens | null {
    const tokens = this.#tokens
    if (tokens) this.#over.add(tokens.line)
    this.#keep(null)
    return tokens
  }

  /** Replaces the access token if it is about to end. */
  async freshen(): Promise<void> {
    const tokens = this.#tokens
    if (tokens && this.#parts.environment.monotonic() >= tokens.expiresAt) await this.refresh(tokens.access)
  }

  /** Replaces this access token, unless somebody has. Never throws: who has no better token goes on with what there is. */
  refresh(stale: string | null): Promise<void> {
    if (this.#isOther(stale)) return Promise.resolve()
    this.#refreshing ??= this.#refresh(stale).finally(() => {
      this.#refreshing = null
    })
    return this.#refreshing
  }

  /** What any answer of the server tells of time. */
  hear(response: Response, line: string | undefined): void {
    const remaining = parseExpires(response)
    if (!remaining || remaining.absolute === 0 || line === undefined || line !== this.#tokens?.line) return
    this.#parts.life.live(remaining)
  }

  /** A form for an endpoint of the authority, with a proof of the key where tokens are bound to one. */
  async post(url: URL, form: Readonly<Record<string, string>>): Promise<Response> {
    const { clientId, proofs } = this.#parts
    const body = new URLSearchParams({ ...form, ...(clientId !== null && { client_id: clientId }) })
    const send = async () =>
      this.#parts.fetch(url, {
        method: 'POST',
        body,
        credentials: 'omit',
        redirect: 'manual',
        keepalive: true,
        headers: proofs ? { dpop: await proofs.proof('POST', url, null) } : {},
      })
    const response = await send()
    if (!proofs?.hear(response, true) || (response.status !== 400 && response.status !== 401)) return response
    return send()
  }

  #isOther(stale: string | null): boolean {
    return (this.#tokens?.access ?? null) !== stale
  }

  async #refresh(stale: string | null): Promise<void> {
    await this.siblings.claim()
    let isRefreshed = false
    try {
      if (!this.#isOther(stale)) isRefreshed = await this.#request()
    } catch {
      // The network failed; the request that needs the token will say so itself.
    } finally {
      this.siblings.release(isRefreshed || this.#isOther(stale))
    }
  }

  /** Whether there are new tokens. */
  async #request(): Promise<boolean> {
    const before = this.#tokens
    if (!before?.refresh) return false
    const form = { grant_type: 'refresh_token', refresh_token: before.refresh }
    const response = await this.post(this.#parts.tokenUrl, form)
    const answer = (await response.json().catch(() => null)) as
      | (Partial<TokenResponse> & { readonly error?: string })
      | null
    // Ended or replaced meanwhile: an answer to the old token brings nothing back.
    if (this.#tokens !== before) return true
    if (response.ok && typeof answer?.access_token === 'string') {
      const { environment, life } = this.#parts
      this.#keep(fromResponse(answer as TokenResponse, environment.monotonic(), before.line, before))
      life.live(remainingOf(answer as TokenResponse))
      this.hear(response, before.line)
      this.siblings.tellTokens()
      return true
    }
    if (answer?.error === 'invalid_grant') this.#ended(before.line)
    return false
  }

  #ended(line: string): void {
    this.stop()
    this.siblings.tellEnd('ended', line)
    this.#parts.life.end({ reason: 'ended', elsewhere: false })
  }

  #keep(tokens: Tokens | null): void {
    this.#tokens = tokens
    this.#parts.keeper.save(tokens)
  }
}
