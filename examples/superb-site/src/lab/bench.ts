import { randomBytes } from 'node:crypto'
import type { SessionEvent } from 'coatcheck'
import type { Entry } from '../panel/entry.ts'
import { describeEvent } from '../panel/happenings.ts'
import type { ShopSessions } from '../shop-sessions.ts'
import { LabClient, type Reply, type Sent, type ShopAddress } from './lab-client.ts'
import type { LabGuest, LabGuests } from './lab-guests.ts'
import { Masking } from './masking.ts'
import { type ShownExchange, showExchange } from './show-exchange.ts'
import type { Target } from './target.ts'
import type { OpenTwin } from './twin.ts'

/** One step of an attack as the reader sees it. */
export interface Step {
  readonly title: string
  readonly exchanges: readonly ShownExchange[]
  /** What the shop's log says of it: the reasons that a response does not give. */
  readonly log: readonly Entry[]
}

export interface BenchParts extends Target {
  readonly guests: Pick<LabGuests, 'guest' | 'mallory'>
  readonly openTwin: OpenTwin
}

/**
 * Where one attack is run: throwaway clients, the lab's own guests, and a record of each step. It knows the events of its
 * own requests by the `User-Agent` that only they have.
 */
export class LabBench {
  readonly guests: Pick<LabGuests, 'guest' | 'mallory'>
  readonly openTwin: OpenTwin
  readonly #target: Target
  readonly #userAgent = `superb-site-lab/${randomBytes(8).toString('hex')}`
  readonly #masking = new Masking()
  readonly #steps: Step[] = []
  readonly #sessionIds = new Map<string, ShopSessions>()
  readonly #unsubscribe: (() => void)[] = []
  #exchanges: ShownExchange[] = []
  #log: Entry[] = []

  constructor({ guests, openTwin, ...target }: BenchParts) {
    this.guests = guests
    this.openTwin = openTwin
    this.#target = target
    this.listenTo(target.sessions)
  }

  get steps(): readonly Step[] {
    return this.#steps
  }

  /** Also the events of another shop's sessions. */
  listenTo(sessions: ShopSessions): void {
    this.#unsubscribe.push(sessions.on('*', (event) => this.#note(event, sessions)))
  }

  /** A new client with an empty jar, or with a token that somebody put there. */
  client({
    token,
    at = this.#target.at,
  }: {
    readonly token?: string
    readonly at?: ShopAddress
  } = {}): LabClient {
    return new LabClient(at, this.#userAgent, (sent, reply) => this.#show(sent, reply), token)
  }

  /** Does one step and records what was sent, what came back and what the log says. */
  async step<T>(title: string, act: () => Promise<T>): Promise<T> {
    this.#exchanges = []
    this.#log = []
    try {
      return await act()
    } finally {
      this.#steps.push({ title, exchanges: this.#exchanges, log: this.#log })
    }
  }

  /** The client becomes signed in as one of the lab's guests. */
  async signIn(client: LabClient, { name, password }: LabGuest): Promise<Reply> {
    const reply = await client.post('/login', { name, password })
    if (reply.status !== 303) throw new Error(`The lab's guest could not log in (${reply.status}).`)
    return reply
  }

  /** Whether the shop's log told of this in any step. */
  hasLogged(title: string): boolean {
    return this.#steps.some(({ log }) => log.some((entry) => entry.title === title))
  }

  /** Ends every session that came of the run. */
  async clear(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    for (const [id, sessions] of this.#sessionIds) {
      if (sessions === this.#target.sessions) await sessions.revoke(id)
    }
  }

  #show(sent: Sent, reply: Reply): void {
    this.#exchanges.push(showExchange(sent, reply, this.#masking))
  }

  #note(event: SessionEvent, sessions: ShopSessions): void {
    if (event.context?.userAgent !== this.#userAgent) return
    if (STARTING.has(event.name) && event.sessionId !== null) this.#sessionIds.set(event.sessionId, sessions)
    const entry = describeEvent(event, false)
    if (entry) this.#log.push({ ...entry, text: this.#masking.mask(entry.text) })
  }
}

const STARTING: ReadonlySet<string> = new Set(['created', 'logged-in', 'reauthenticated'])

/** Whether a page that is for signed-in users only came back. */
export function isSignedIn(reply: Reply): boolean {
  return reply.status === 200
}

/** A page for signed-in users only. */
export const PRIVATE_PAGE = '/account'
