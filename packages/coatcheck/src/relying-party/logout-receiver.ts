import { StoreError } from '../core/errors.ts'
import { recordsOf } from '../core/list-all.ts'
import { OneTimeRecords } from '../core/one-time.ts'
import type { SessionRecord } from '../core/record.ts'
import type { Journal, Whom } from './journal.ts'
import { keptLoginOf } from './kept-login.ts'
import { type LogoutNotice, verifyLogoutToken } from './logout-token.ts'
import type { RelyingPartySettings } from './options.ts'

/** A notice of logout as it comes in: from `fetch` a `Request` is one; of `node:http` and what builds on it, give `headers` and the request itself as `body`. */
export interface LogoutRequest {
  readonly method?: string | undefined
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>
  /** The body's bytes, or its text where something else has read it. */
  readonly body: AsyncIterable<Uint8Array | string> | Uint8Array | string | null
}

/** To be sent as it is. */
export interface LogoutAnswer {
  readonly status: 200 | 400 | 503
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Bytes of a body: a logout token is below 2 kB. */
const LARGEST_BODY = 32_768

const FORM = /^application\/x-www-form-urlencoded\s*(?:;|$)/i

/** Longer than any notice is taken for fresh, with clocks as far apart as `clockTolerance` allows, in milliseconds. */
const REMEMBERED = 1_200_000

/** Passes over a user's sessions: each step-up that races the end makes another one necessary. */
const MOST_PASSES = 16

/** Takes the provider's notices of logout (OpenID Connect Back-Channel Logout; SSO-03, SSO-04). */
export class LogoutReceiver<D> {
  readonly #settings: RelyingPartySettings<D>
  readonly #journal: Journal
  readonly #used: OneTimeRecords

  constructor(settings: RelyingPartySettings<D>, journal: Journal) {
    this.#settings = settings
    this.#journal = journal
    this.#used = new OneTimeRecords(settings.sessions.manager, 'logout-token')
  }

  /** Never throws: what failed here is a 503, after which providers come again. */
  async receive(request: LogoutRequest): Promise<LogoutAnswer> {
    try {
      const token = await tokenOf(request)
      if (token === null) return REFUSED
      return (await this.#handle(token)) ? DONE : REFUSED
    } catch (error) {
      this.#settings.sessions.manager.settings.onError(error)
      return error instanceof StoreError ? UNAVAILABLE : REFUSED
    }
  }

  async #handle(token: string): Promise<boolean> {
    const { issuer, clientId, sessions } = this.#settings
    const now = sessions.manager.settings.environment.now()
    const notice = await verifyLogoutToken(token, this.#settings, now)
    if (typeof notice === 'string') return false
    const key = JSON.stringify([issuer, clientId, notice.jti])
    if (await this.#used.seen(key)) return false
    await this.#end(notice)
    // Last, so that a notice which could not be obeyed is not refused when it comes again. Two at once do the same twice.
    return this.#used.first(key, REMEMBERED)
  }

  async #end({ whom, issuedAt }: LogoutNotice): Promise<void> {
    const users = await this.#journal.noteLogout(whom, issuedAt)
    for (const userId of users) await this.#endSessionsOf(userId, whom)
  }

  /** Until none is found: a step-up puts another session in the place of one that was just listed. */
  async #endSessionsOf(userId: string, whom: Whom): Promise<void> {
    const { manager } = this.#settings.sessions
    for (let pass = 0; pass < MOST_PASSES; pass++) {
      const found = (await recordsOf(manager, userId)).filter((record) => this.#isAbout(record, whom))
      if (found.length === 0) return
      for (const { id } of found) await manager.revoke(id, { reason: 'provider-logout', ofUser: userId })
    }
    throw new StoreError('ERR_STORE_UNAVAILABLE', 'Sessions kept being replaced while they were ended.', {
      retryable: true,
    })
  }

  #isAbout(record: SessionRecord, whom: Whom): boolean {
    const kept = keptLoginOf(record, this.#settings)
    return kept !== null && ('sid' in whom ? kept.sid === whom.sid : kept.subject === whom.subject)
  }
}

const HEADERS = Object.freeze({ 'cache-control': 'no-store' })
const DONE: LogoutAnswer = Object.freeze({ status: 200, headers: HEADERS, body: '' })
const UNAVAILABLE: LogoutAnswer = Object.freeze({
  status: 503,
  headers: Object.freeze({ ...HEADERS, 'retry-after': '5' }),
  body: '',
})
/** What is wrong is nobody's business who cannot sign. */
const REFUSED: LogoutAnswer = Object.freeze({
  status: 400,
  headers: Object.freeze({ ...HEADERS, 'content-type': 'application/json' }),
  body: '{"error":"invalid_request"}',
})

/** The one `logout_token` of a form, or `null`. */
async function tokenOf({ method = 'POST', headers, body }: LogoutRequest): Promise<string | null> {
  if (method !== 'POST' || !FORM.test(headerOf(headers, 'content-type'))) return null
  const text = await textOf(body)
  const [token, ...more] = text === null ? [] : new URLSearchParams(text).getAll('logout_token')
  return token === undefined || more.length > 0 ? null : token
}

function headerOf(headers: LogoutRequest['headers'], name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : headers[name]
  return typeof value === 'string' ? value : ''
}

/** `null`: larger than anything that we take; what is left of it is not read. */
async function textOf(body: LogoutRequest['body']): Promise<string | null> {
  if (typeof body === 'string') return body.length > LARGEST_BODY ? null : body
  const decoder = new TextDecoder()
  let size = 0
  let text = ''
  for await (const chunk of body instanceof Uint8Array ? [body] : (body ?? [])) {
    size += chunk.length
    if (size > LARGEST_BODY) return null
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
  }
  return text
}
