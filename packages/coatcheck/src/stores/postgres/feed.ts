import type { Environment } from '../../core/environment.ts'
import { ConfigError, StoreError } from '../../core/errors.ts'
import type { ChangeFeed, ChangeReceiver } from '../../core/store.ts'
import type { RunStatement } from './client.ts'
import type { Connect } from './connection.ts'
import { sqlState, toFailure } from './failures.ts'
import { FeedLine } from './feed-line.ts'
import { quoted } from './migrations.ts'
import type { Turns } from './turns.ts'

/** How long to wait before a line is made again: doubled each time until a probe has come back. */
const FIRST_DELAY = 50
const LONGEST_DELAY = 2_000

export interface FeedContext {
  readonly connect: Connect
  /** Runs a statement by the client that the store's calls go by. */
  readonly run: RunStatement
  readonly schema: string
  readonly environment: Environment
  /** Of the store, of which this may not be the first feed. */
  readonly turns: Turns
}

/** The feed of changes: one line at a time, made anew when it breaks. */
export class PostgresFeed implements ChangeFeed {
  readonly #context: FeedContext
  readonly #receiver: ChangeReceiver
  readonly #statements: { readonly listen: string; readonly probe: string }
  #line: FeedLine | null = null
  #isClosed = false
  #delay = FIRST_DELAY
  #endPause: () => void = () => {}

  constructor(context: FeedContext, receiver: ChangeReceiver) {
    this.#context = context
    this.#receiver = receiver
    const schema = quoted(context.schema)
    this.#statements = {
      listen: `SELECT ${schema}.listen()::text`,
      probe: `SELECT ${schema}.probe($1::text, $2::text)::text`,
    }
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Resolves once changes arrive. */
  async open(): Promise<void> {
    try {
      await this.#startLine()
    } catch (error) {
      throw sqlState(error) === '42501'
        ? lacksPrivilege(this.#context.schema, error)
        : toFailure(error, 'read')
    }
  }

  probe(echoed: (partitions: readonly number[] | null) => void): void {
    this.#line?.probe((partitions) => {
      this.#delay = FIRST_DELAY
      echoed(partitions)
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#line?.close(closedError())
    this.#endPause()
  }

  async #startLine(): Promise<void> {
    if (this.#isClosed) throw closedError()
    const line = new FeedLine({
      connect: this.#context.connect,
      receiver: this.#receiver,
      environment: this.#context.environment,
      statements: this.#statements,
      announce: (parameters, isWanted) => this.#announce(parameters, isWanted),
      onBroken: () => void this.#mend(),
    })
    this.#line = line
    await line.start()
  }

  async #mend(): Promise<void> {
    while (!this.#isClosed) {
      await this.#pause()
      try {
        return await this.#startLine()
      } catch {
        // All is lost until a line stands, whatever the reason.
      }
    }
  }

  /** One at a time: where the server answers none, they must not fill the pool. */
  #announce(parameters: readonly string[], isWanted: () => boolean): Promise<void> {
    return this.#context.turns.take('announcement', async () => {
      if (isWanted()) await this.#context.run(this.#statements.probe, parameters)
    })
  }

  #pause(): Promise<void> {
    const delay = this.#delay
    this.#delay = Math.min(2 * delay, LONGEST_DELAY)
    return new Promise((resolve) => {
      const cancelTimer = this.#context.environment.setTimer(delay, resolve)
      this.#endPause = () => {
        cancelTimer()
        resolve()
      }
    })
  }
}

function closedError(): StoreError {
  return new StoreError('ERR_STORE_CLOSED', 'The feed was closed.', { retryable: true })
}

/** Nothing of the driver's error but its state: it may quote the statement. */
function lacksPrivilege(schema: string, cause: unknown): ConfigError {
  return new ConfigError(
    'ERR_STORE_SETTING',
    `The PostgreSQL role may not write what the near cache proves itself by; run as the owner of the schema: GRANT UPDATE ON ALL SEQUENCES IN SCHEMA ${quoted(schema)} TO that role, or set nearCache: false.`,
    { cause: toFailure(cause, 'read') },
  )
}
