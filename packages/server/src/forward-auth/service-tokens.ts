import type { Environment, JsonFields } from 'coatcheck'
import type { SessionHandle, Tokens } from 'coatcheck/tokens'

/** Of tokens that proxies pass on, in milliseconds. */
const LIFE = 60_000

/** A token is given out for half of its life, so that services have at least the other half. */
const REUSED_FOR = LIFE / 2

/** Of all sessions and audiences together; the oldest goes first. */
const MOST_KEPT = 10_000

interface Kept {
  readonly token: string
  /** By the monotonic clock. */
  readonly until: number
  /** The identity that it speaks of. */
  readonly identity: string
}

/** Access tokens for the services behind a proxy: one per session and audience, made anew twice a minute. */
export class ServiceTokens {
  readonly #tokens: Tokens
  readonly #environment: Environment
  readonly #kept = new Map<string, Kept>()
  readonly #coming = new Map<string, Promise<string>>()

  constructor(tokens: Tokens, environment: Environment) {
    this.#tokens = tokens
    this.#environment = environment
  }

  /**
   * A token with these claims, at once where there is one. `identity` changes with them. The caller has just seen that the session
   * lives. Rejects as `accessToken` does.
   */
  of(
    session: SessionHandle,
    {
      audience,
      claims,
      identity,
    }: { readonly audience: string; readonly claims: JsonFields; readonly identity: string },
  ): string | Promise<string> {
    const key = `${session.id} ${audience}`
    const kept = this.#kept.get(key)
    if (kept && kept.identity === identity && kept.until > this.#environment.monotonic()) return kept.token
    const asked = `${key} ${identity}`
    const coming = this.#coming.get(asked) ?? this.#make(session, audience, claims, { key, identity })
    this.#coming.set(asked, coming)
    const done = () => this.#coming.delete(asked)
    coming.then(done, done)
    return coming
  }

  async #make(
    session: SessionHandle,
    audience: string,
    extra: JsonFields,
    { key, identity }: { readonly key: string; readonly identity: string },
  ): Promise<string> {
    const until = this.#environment.monotonic() + REUSED_FOR
    const { accessToken } = await this.#tokens.accessToken(session, { audience, expiresIn: LIFE, extra })
    this.#kept.delete(key)
    this.#kept.set(key, { token: accessToken, until, identity })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest)
    return accessToken
  }
}
