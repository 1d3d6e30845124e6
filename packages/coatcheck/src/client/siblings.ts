import { type Channel, type ClientEnvironment, openChannel, randomText } from './platform.ts'
import type { SessionEnd } from './session-life.ts'
import type { SentTokens, Tokens } from './tokens.ts'

type Message =
  /** Who has newer tokens than these? `claims`: for I shall refresh them otherwise. */
  | { readonly ask: Known; readonly from: string; readonly claims: boolean }
  /** To all who ask: wait, these are being refreshed. */
  | { readonly busy: Known }
  /** Nothing came of a refresh. */
  | { readonly free: Known }
  | { readonly tokens: SentTokens; readonly to: string | null }
  | { readonly end: SessionEnd['reason']; readonly line: string }

interface Known {
  readonly line: string | null
  readonly turn: number
}

/** What the siblings are asked about and told of. */
export interface Household {
  readonly tokens: Tokens | null
  /** The tokens to tell others of. */
  sent(): SentTokens | null
  take(tokens: SentTokens): void
  endElsewhere(reason: SessionEnd['reason'], line: string): void
}

/** How long an answer of a tab takes that is not busy, and how long one that refreshes is waited for. */
const ANSWER_WITHIN = 40
const REFRESH_WITHIN = 3_000

/** Who has waited for others that often stops waiting. */
const ROUNDS = 4

/**
 * The other tabs and workers of the browser, which spare each other refreshes. Nothing depends on it: whoever hears nobody
 * refreshes alone, at the same time as others perhaps, and the server gives all of them the same successor. Hence no locks,
 * which a suspended tab would keep.
 */
export class Siblings {
  readonly #environment: ClientEnvironment
  readonly #household: Household
  readonly #channel: Channel | null
  readonly #id = randomText(12)
  #stage: 'idle' | 'claiming' | 'refreshing' = 'idle'
  #busyUntil = 0
  readonly #waiting = new Set<() => void>()

  constructor(environment: ClientEnvironment, household: Household, channelName: string | null) {
    this.#environment = environment
    this.#household = household
    this.#channel = channelName === null ? null : openChannel(channelName)
    if (this.#channel) this.#channel.onmessage = ({ data }) => this.#hear(data as Message)
  }

  /** Waits a moment for tokens newer than those that are known. */
  async ask(): Promise<void> {
    if (!this.#channel) return
    this.#say({ ask: this.#known(), from: this.#id, claims: false })
    await this.#news(ANSWER_WITHIN)
  }

  /** Before a refresh: waits for whoever is at it. Afterwards there are other tokens, or it is this one's turn. */
  async claim(): Promise<void> {
    if (!this.#channel) return
    const known = this.#known()
    for (let round = 0; round < ROUNDS && this.#knows(known); round++) {
      if (this.#busyFor() > 0) await this.#news(this.#busyFor())
      else if (await this.#bid(known)) break
    }
    this.#stage = 'refreshing'
  }

  /** Says that it wants to refresh; whether nobody else does. */
  async #bid(known: Known): Promise<boolean> {
    this.#stage = 'claiming'
    this.#say({ ask: known, from: this.#id, claims: true })
    await this.#news(ANSWER_WITHIN)
    this.#stage = 'idle'
    return this.#busyFor() <= 0 && this.#knows(known)
  }

  /** After `claim` and whatever came of it. */
  release(isRefreshed: boolean): void {
    this.#stage = 'idle'
    if (!isRefreshed) this.#say({ free: this.#known() })
  }

  tellTokens(to: string | null = null): void {
    const tokens = this.#household.sent()
    if (tokens) this.#say({ tokens, to })
  }

  tellEnd(reason: SessionEnd['reason'], line: string): void {
    this.#say({ end: reason, line })
  }

  close(): void {
    this.#channel?.close()
  }

  #known(): Known {
    const { line = null, turn = -1 } = this.#household.tokens ?? {}
    return { line, turn }
  }

  #busyFor(): number {
    return this.#busyUntil - this.#environment.monotonic()
  }

  #knows({ line, turn }: Known): boolean {
    const known = this.#known()
    return known.line === line && known.turn === turn
  }

  /** Until somebody has told something of use, for `delay` milliseconds at most. */
  #news(delay: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#environment.setTimer(delay, () => wake())
      const wake = () => {
        cancel()
        this.#waiting.delete(wake)
        resolve()
      }
      this.#waiting.add(wake)
    })
  }

  #hear(message: Message): void {
    if ('ask' in message) this.#answer(message)
    else if ('tokens' in message) this.#take(message)
    else if ('busy' in message) this.#wait(message.busy)
    else if ('free' in message) this.#settle()
    else {
      this.#household.endElsewhere(message.end, message.line)
      this.#settle()
    }
  }

  #take({ tokens, to }: Extract<Message, { tokens: SentTokens }>): void {
    const { line } = this.#known()
    // What is told to somebody who knew nothing may be of an earlier sign-in than ours.
    if (to !== null && to !== this.#id && line !== null && line !== tokens.line) return
    this.#household.take(tokens)
    this.#settle()
  }

  #answer({ ask, from, claims }: Extract<Message, { ask: Known }>): void {
    const known = this.#known()
    if (known.line === null) return
    if (ask.line === null || (ask.line === known.line && ask.turn < known.turn)) {
      this.tellTokens(from)
      if (this.#stage === 'refreshing') this.#say({ busy: known })
      return
    }
    if (!claims || !this.#knows(ask)) return
    if (this.#stage === 'refreshing' || (this.#stage === 'claiming' && this.#id < from))
      this.#say({ busy: ask })
    else this.#wait(ask)
  }

  /** Somebody else refreshes what we know. */
  #wait(busy: Known): void {
    if (this.#stage === 'refreshing' || !this.#knows(busy)) return
    this.#busyUntil = this.#environment.monotonic() + REFRESH_WITHIN
    this.#wakeAll()
  }

  #settle(): void {
    this.#busyUntil = 0
    this.#wakeAll()
  }

  #wakeAll(): void {
    for (const wake of this.#waiting) wake()
  }

  #say(message: Message): void {
    this.#channel?.postMessage(message)
  }
}
