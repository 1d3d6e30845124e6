import type { Environment } from 'coatcheck'
import type { SigningKeyRing } from 'coatcheck/tokens'
import type { Logger } from 'pino'
import type { Database, Row, Transaction } from '../storage/database.ts'
import { randomText } from '../system.ts'
import type { Clients } from './clients.ts'
import type { NoticeResult } from './oauth-record.ts'

/** A notice that an application's session has ended. */
export interface LogoutNotice {
  readonly clientId: string
  readonly userId: string
  readonly sid: string
}

interface NoticeRow extends Row {
  readonly id: string
  readonly client_id: string
  readonly user_id: string
  readonly sid: string
  readonly attempts: number
}

/** Milliseconds until the next attempt, after the first, second, ... failure; then it is given up. */
const RETRIES: readonly number[] = [1_000, 5_000, 30_000, 120_000, 600_000]
/** Milliseconds for an application to answer. */
const PATIENCE = 5_000
/** Milliseconds after which another process takes over what one has claimed. */
const CLAIM = 30_000
const BATCH = 20
const LIFE_SECONDS = 120
const EVENT = 'http://schemas.openid.net/event/backchannel-logout'

export interface BackChannelParts {
  readonly database: Database
  readonly environment: Environment
  readonly log: Logger
  readonly clients: Clients
  readonly signingKeys: SigningKeyRing
  readonly issuer: string
  readonly told: (result: NoticeResult) => void
  readonly send?: typeof fetch
}

/**
 * Notices of logout to applications (OpenID Connect Back-Channel Logout). They wait in the database, so that none is lost with a
 * process; whichever process claims one sends it, so that none is sent twice while all goes well.
 */
export class BackChannel {
  readonly #parts: BackChannelParts
  #running: Promise<void> = Promise.resolve()
  #cancel: (() => void) | null = null
  #closed = false

  constructor(parts: BackChannelParts) {
    this.#parts = parts
  }

  /** Within the transaction that ends what they tell of; call `run` after it. */
  async enqueue(transaction: Transaction, { clientId, userId, sid }: LogoutNotice): Promise<void> {
    const { environment, clients } = this.#parts
    const client = await clients.find(clientId, transaction)
    if (!client?.backchannelLogoutUri) return
    await transaction.run(
      'INSERT INTO coatcheck_oauth_logouts VALUES ($1, $2, $3, $4, 0, $5, $5)',
      ...[randomText(environment, 16), clientId, userId, sid, environment.now()],
    )
  }

  /** Sends what is due; one run at a time. Never throws. */
  run(): Promise<void> {
    this.#running = this.#running
      .then(() => this.#sendDue())
      .catch((error) => this.#parts.log.error({ err: error }, 'notices of logout'))
    return this.#running
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancel?.()
    await this.#running
  }

  async #sendDue(): Promise<void> {
    const { database, environment } = this.#parts
    for (;;) {
      if (this.#closed) return
      const now = environment.now()
      const due = await database.all<NoticeRow>(
        'SELECT id, client_id, user_id, sid, attempts FROM coatcheck_oauth_logouts WHERE next_at <= $1 ORDER BY next_at LIMIT $2',
        now,
        BATCH,
      )
      const mine = (
        await Promise.all(due.map(async (notice) => ((await this.#claim(notice, now)) ? [notice] : [])))
      ).flat()
      await Promise.all(mine.map((notice) => this.#deliver(notice)))
      if (due.length < BATCH) break
    }
    await this.#wait()
  }

  /** The attempt is counted before it is made, so that a process that dies in it has made it. */
  async #claim({ id, attempts }: NoticeRow, now: number): Promise<boolean> {
    const changed = await this.#parts.database.run(
      'UPDATE coatcheck_oauth_logouts SET attempts = attempts + 1, next_at = $1 WHERE id = $2 AND attempts = $3 AND next_at <= $4',
      now + CLAIM,
      id,
      attempts,
      now,
    )
    return changed === 1
  }

  async #deliver(notice: NoticeRow): Promise<void> {
    const { database, environment, log, told } = this.#parts
    const sent = await this.#send(notice)
    const delay = RETRIES[notice.attempts]
    if (sent) told('sent')
    else told(delay === undefined ? 'given-up' : 'failed')
    if (sent || delay === undefined) {
      await database.run('DELETE FROM coatcheck_oauth_logouts WHERE id = $1', notice.id)
      if (!sent) log.warn({ clientId: notice.client_id }, 'an application could not be told of a logout')
      return
    }
    await database.run(
      'UPDATE coatcheck_oauth_logouts SET next_at = $1 WHERE id = $2',
      environment.now() + delay,
      notice.id,
    )
  }

  async #send(notice: NoticeRow): Promise<boolean> {
    const { clients, send = fetch, log } = this.#parts
    const client = await clients.find(notice.client_id)
    if (!client?.backchannelLogoutUri) return true
    try {
      const response = await send(client.backchannelLogoutUri, {
        method: 'POST',
        redirect: 'manual',
        body: new URLSearchParams({ logout_token: await this.#token(notice) }),
        signal: AbortSignal.timeout(PATIENCE),
      })
      await response.body?.cancel()
      // 400 says that the token is not right: it will not become so.
      return response.ok || response.status === 400
    } catch (error) {
      log.debug({ clientId: client.id, reason: (error as Error).name }, 'notice of logout not delivered')
      return false
    }
  }

  /** Back-Channel Logout 1.0, section 2.4. */
  #token({ client_id: audience, user_id: subject, sid }: NoticeRow): Promise<string> {
    const { environment, issuer, signingKeys } = this.#parts
    const now = Math.floor(environment.now() / 1_000)
    return signingKeys.sign('logout+jwt', {
      iss: issuer,
      aud: audience,
      iat: now,
      exp: now + LIFE_SECONDS,
      jti: randomText(environment, 16),
      sub: subject,
      sid,
      events: { [EVENT]: {} },
    })
  }

  async #wait(): Promise<void> {
    const { database, environment } = this.#parts
    const [row] = await database.all<{ next_at: number | null }>(
      'SELECT MIN(next_at) AS next_at FROM coatcheck_oauth_logouts',
    )
    this.#cancel?.()
    if (this.#closed || row?.next_at == null) return
    const delay = Math.max(100, row.next_at - environment.now())
    this.#cancel = environment.setTimer(delay, () => void this.run())
  }
}
