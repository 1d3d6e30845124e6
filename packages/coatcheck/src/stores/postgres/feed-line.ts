import type { Environment } from '../../core/environment.ts'
import { ConfigError, StoreError } from '../../core/errors.ts'
import type { SessionId } from '../../core/record.ts'
import type { ChangeFeed, ChangeReceiver } from '../../core/store.ts'
import type { Connect, Connection } from './connection.ts'
import { fromText } from './text.ts'

type Echoed = Parameters<ChangeFeed['probe']>[0]

/** How long the server may take to answer, and what it has answered to arrive, before the connection is given up. */
const PATIENCE = 5_000

export interface LineContext {
  readonly connect: Connect
  readonly receiver: ChangeReceiver
  readonly environment: Environment
  readonly statements: { readonly listen: string; readonly probe: string }
  /** Sends a probe by way of the client that the store's calls go by. */
  announce(parameters: readonly string[], isWanted: () => boolean): Promise<void>
  /** It stood, and has broken. */
  onBroken(): void
}

/**
 * One connection by which changes arrive. It is made once: at the first sign that something may be missing it is ended.
 * The server queues notifications in the order of commits, and hands each connection that order without a gap; so the echo
 * of a probe comes behind every change that was committed before the probe was sent.
 */
export class FeedLine {
  readonly #context: LineContext
  readonly #connection: Connection
  readonly #announced = Promise.withResolvers<void>()
  #isAnnounced = false
  #isStanding = false
  #isBroken = false
  /** By which the server knows the line's own echoes. */
  #name = ''
  #turn = 0
  /** Those that the probe under way is for, and those that came after it was sent. */
  #sent: readonly Echoed[] = []
  #waiting: Echoed[] = []
  #isProbing = false
  #echo = Promise.withResolvers<void>()
  /** Reject what is waited for. */
  readonly #givingUp = new Set<(error: unknown) => void>()
  #reason: unknown = null

  constructor(context: LineContext) {
    this.#context = context
    this.#connection = context.connect({
      heard: (payload) => this.#hear(payload),
      broken: (error) => this.#break(error),
    })
  }

  /** Resolves once changes are told; rejects where that cannot be. */
  async start(): Promise<void> {
    try {
      const [row] = await this.#inTime(this.#connection.run(this.#context.statements.listen, []))
      this.#name = String(JSON.parse(String(row?.[0])))
      await this.#inTime(this.#context.announce([this.#name, '0'], () => !this.#isBroken))
      await this.#beHeard()
      if (this.#isBroken) throw this.#reason
    } catch (error) {
      this.#break(error)
      throw error
    }
    this.#connection.unref()
    this.#isStanding = true
    this.#context.receiver.lost(null)
  }

  /** Where a probe is under way, the next one answers. */
  probe(echoed: Echoed): void {
    if (!this.#isStanding) return
    this.#waiting.push(echoed)
    if (!this.#isProbing) void this.#sendProbes()
  }

  close(error: Error): void {
    this.#isStanding = false
    this.#break(error)
  }

  /**
   * A notification from elsewhere has to arrive while nothing is asked on this connection: then it is the same server as
   * that of the store's calls, and no pooler stands in between that lends out its connections to the server by transactions.
   */
  async #beHeard(): Promise<void> {
    await this.#within(this.#announced.promise)
    if (this.#isAnnounced) return
    // Whatever was only held up comes before this answer.
    await this.#inTime(this.#connection.run('SELECT 1', []))
    if (!this.#isAnnounced) throw new ConfigError('ERR_STORE_SETTING', UNHEARD)
  }

  async #sendProbes(): Promise<void> {
    this.#isProbing = true
    try {
      while (this.#waiting.length > 0) {
        this.#sent = this.#waiting
        this.#waiting = []
        this.#echo = Promise.withResolvers()
        const parameters = [this.#name, String(++this.#turn)]
        const answer = this.#connection.run(this.#context.statements.probe, parameters)
        await this.#inTime(Promise.all([answer, this.#echo.promise]))
      }
    } catch (error) {
      this.#break(error)
    }
    this.#isProbing = false
  }

  #hear(payload: string): void {
    if (this.#isBroken) return
    if (payload[0] === 'p') this.#hearProbe(payload.slice(1))
    else if (this.#isStanding) tell(this.#context.receiver, payload)
  }

  #hearProbe(payload: string): void {
    if (payload === `${this.#name} 0`) {
      this.#isAnnounced = true
      this.#announced.resolve()
    }
    if (!this.#isStanding || payload !== `${this.#name} ${this.#turn}`) return
    const sent = this.#sent
    this.#sent = []
    this.#echo.resolve()
    for (const echoed of sent) echoed(null)
  }

  #break(error: unknown): void {
    if (this.#isBroken) return
    this.#isBroken = true
    this.#reason = error
    this.#connection.end()
    for (const giveUp of this.#givingUp) giveUp(error)
    if (!this.#isStanding) return
    this.#isStanding = false
    this.#context.receiver.lost(null)
    this.#context.onBroken()
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const answer = await this.#within(work.then((value) => ({ value })))
    if (answer) return answer.value
    const message = 'PostgreSQL did not answer the feed of changes in time.'
    throw new StoreError('ERR_STORE_TIMEOUT', message, { retryable: true })
  }

  /** What `work` comes to, `null` where that takes too long; rejects when the line breaks. */
  async #within<T>(work: Promise<T>): Promise<T | null> {
    const { promise: late, resolve, reject } = Promise.withResolvers<null>()
    const cancelTimer = this.#context.environment.setTimer(PATIENCE, () => resolve(null))
    this.#givingUp.add(reject)
    if (this.#isBroken) reject(this.#reason)
    try {
      return await Promise.race([work, late])
    } finally {
      cancelTimer()
      this.#givingUp.delete(reject)
    }
  }
}

const UNHEARD =
  'Changes in PostgreSQL do not arrive: the client goes by a transaction pooler, which does not carry LISTEN, or the option listen leads to another database. Give postgres() a client that reaches the server itself, as in postgres(client, { listen: direct }), or set nearCache: false.'

/** Tells what `tell` in `state-functions.ts` has sent. Something unknown has changed where that cannot be read. */
function tell(receiver: ChangeReceiver, payload: string): void {
  const what = payload.slice(1)
  if (payload[0] === 's') receiver.changed(fromText(what as SessionId))
  else if (payload[0] === 'u') receiver.userChanged(fromText(what))
  else if (payload === 'e') receiver.everyoneChanged(null)
  else receiver.lost(null)
}
