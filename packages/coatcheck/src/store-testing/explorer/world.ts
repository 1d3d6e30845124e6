import type { SessionEvent } from '../../core/events.ts'
import { KeyRing } from '../../core/key-ring.ts'
import type { SessionId } from '../../core/record.ts'
import type { RotationPolicy } from '../../core/rotation.ts'
import type { FindResult, SessionStore } from '../../core/store.ts'
import { FakeEnvironment } from '../../testing/fake-environment.ts'
import { Clock, type Jump } from './clock.ts'
import { createNode, type ExplorerNode, MASTER_KEYS } from './explorer-node.ts'
import { Lives } from './lives.ts'
import type { MemoryResponse } from './memory-exchange.ts'
import { NodeClock } from './node-clock.ts'
import { RotationGuard } from './rotation-guard.ts'
import type { ScheduledFeed } from './scheduled-feed.ts'
import { type AppliedCall, ScheduledStore, type StoreObserver } from './scheduled-store.ts'
import { type Choices, Scheduler } from './scheduler.ts'
import { Violations } from './violation.ts'
import { type Traveller, type Visit, visitNumberOf } from './visit.ts'
import type { ScenarioOptions } from './world-options.ts'
import { WriteLedger } from './write-ledger.ts'

/** Somebody who is asked in the end whether all is well. */
interface Witness {
  assertSignedIn(): Promise<void>
}

export interface WorldSetup {
  /** Handles on one shared state, one per node. */
  readonly handles: readonly SessionStore[]
  readonly choices: Choices
  readonly order: number
  readonly options: ScenarioOptions
  /** Stands between the sessions and the scheduled store of each node: a cache under test, or something wrong on purpose. */
  readonly wrap: (store: SessionStore) => SessionStore
}

/** Within, at the edge of and beyond what a near cache may be behind by. */
const JUMPS_OF_CACHES: readonly Jump[] = [
  { by: 300, times: 3 },
  { by: 700, times: 2 },
]

/** How often each node's feed may break in one order. */
const BREAKS = 1

const NODES = ['A', 'B', 'C', 'D']

/** Draws of the environment's generator that no order exceeds, so that no two orders share an id. */
const DRAWS_PER_ORDER = 0x10000
const STEP_OF_GENERATOR = 0x9e3779b9

/** One order of one scenario: nodes, clock, clients, and what has happened so far. */
export class World implements StoreObserver {
  readonly environment: FakeEnvironment
  readonly scheduler: Scheduler
  readonly clock: Clock
  readonly violations: Violations = new Violations()
  readonly lives: Lives
  readonly rotations: RotationGuard
  readonly writes: WriteLedger
  readonly options: ScenarioOptions
  readonly nodes: readonly [ExplorerNode, ...ExplorerNode[]]
  /** What happened, and how often: so that a scenario can be seen to reach what it is about. */
  readonly counts: Map<string, number> = new Map()
  readonly events: SessionEvent[] = []
  /** What was reported to `onError`. */
  readonly errors: unknown[] = []
  /** On whose behalf the store is being asked, while that is known for sure. */
  asking: Visit | null = null
  /** Whether nobody has a token that was not given to them. */
  allHonest = true
  readonly #order: number
  readonly #inner: SessionStore
  readonly #visits: Visit[] = []
  readonly #clients: Witness[] = []
  readonly #places = new Map<string, number>()
  readonly #feeds: ScheduledFeed[] = []
  readonly #uses = new Map<SessionId, number>()

  constructor({ handles, choices, order, options, wrap }: WorldSetup) {
    this.#order = order
    this.options = options
    this.environment = new FakeEnvironment({
      seed: Math.imul(STEP_OF_GENERATOR, order * DRAWS_PER_ORDER),
    })
    this.clock = new Clock(this.environment)
    this.scheduler = new Scheduler(choices, this.clock)
    this.lives = new Lives(this.violations)
    this.writes = new WriteLedger(this.violations, this.lives)
    const nodes = handles.map((handle, index) => {
      const name = NODES[index] ?? `node ${index}`
      const scheduled = new ScheduledStore(handle, {
        node: name,
        scheduler: this.scheduler,
        observer: this,
        within: options.timing.store,
        environment: this.environment,
        breaks: BREAKS,
      })
      return createNode({
        name,
        index,
        store: wrap(scheduled),
        clock: new NodeClock(this.environment),
        options,
        onEvent: (event) => this.#happened(event),
        onError: (error) => this.errors.push(error),
      })
    })
    const [first, ...others] = nodes
    const [inner] = handles
    if (!first || !inner) throw new TypeError('The explorer needs at least one store.')
    this.nodes = [first, ...others]
    this.#inner = inner
    const ring = new KeyRing(MASTER_KEYS, { name: first.sessions.manager.settings.name })
    this.rotations = new RotationGuard(this.violations, this.lives, ring, this.policy)
  }

  get policy(): RotationPolicy {
    return this.nodes[0].sessions.manager.settings.rotation
  }

  get timing(): ScenarioOptions['timing'] {
    return this.options.timing
  }

  /** Whether nodes have near caches. */
  get isCached(): boolean {
    return this.nodes[0].sessions.manager.settings.nearCache !== null
  }

  get nextVisit(): number {
    return this.#visits.length
  }

  /** What the store's clock would show had nobody set it back. */
  get storeNow(): number {
    return this.environment.monotonic() + FIRST_INSTANT
  }

  async open(): Promise<void> {
    for (const { sessions } of this.nodes) await sessions.open()
  }

  async close(): Promise<void> {
    for (const { sessions } of this.nodes) await sessions.close()
  }

  /** A user id that no other order has. */
  user(name = 'ada'): string {
    return `${name}-${this.#order}`
  }

  /** Lets the actors go on in the order that is explored, while the clock may jump. Then whatever is left to record is recorded. */
  async race(jumps: readonly Jump[], ...actors: readonly (() => Promise<unknown>)[]): Promise<void> {
    this.clock.allow(this.isCached ? [...jumps, ...JUMPS_OF_CACHES] : jumps)
    await this.scheduler.run(actors)
    this.clock.allow([])
    for (const { sessions } of this.nodes) await sessions.flush()
  }

  /** Takes note of a client, whose jar is looked at in the end. */
  register(client: Witness): void {
    this.#clients.push(client)
  }

  visit(traveller: Traveller, fingerprint: string): Visit {
    const visit: Visit = {
      number: this.#visits.length,
      traveller,
      token: traveller.token,
      fingerprint,
      sentAt: this.lives.next(),
      arrivedAt: 0,
      node: '',
      finishedAt: 0,
      judged: null,
      accepted: null,
      events: [],
      loggedOut: false,
    }
    this.#visits.push(visit)
    return visit
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  /** Notes a violation unless this holds. */
  expect(holds: boolean, promise: string, message: string): void {
    if (!holds) this.violations.add(promise, message)
  }

  /** The session token that a response brings, `''` where it clears the cookie, `null` where it says nothing. */
  tokenIn(response: MemoryResponse): string | null {
    const header = response.get('session-token')
    if (header !== undefined) return header
    const name = `${this.cookieName}=`
    const cookie = response.setCookies().find((setCookie) => setCookie.startsWith(name))
    return cookie?.slice(name.length).split(';', 1)[0] ?? null
  }

  get cookieName(): string {
    return this.nodes[0].sessions.http.cookie.name
  }

  applied(call: AppliedCall): void {
    this.lives.applied(call)
    this.rotations.applied(call)
    this.#places.set(call.method, this.lives.next())
    if (call.method === 'find' && call.asker !== null) this.#judged(call.asker as Visit, call)
    const { outcome } = (call.answer ?? {}) as { readonly outcome?: string }
    if (outcome !== undefined && outcome !== 'ok') this.count(`${call.method} ${outcome}`)
    if (call.method === 'replace') this.#assertLimit(call)
  }

  acknowledged(call: AppliedCall): void {
    this.lives.acknowledged(call)
    this.rotations.acknowledged(call)
  }

  subscribed(feed: ScheduledFeed): void {
    this.#feeds.push(feed)
  }

  told(): Promise<unknown> {
    const slow = this.#feeds.filter(({ isImmediate }) => !isImmediate)
    return Promise.all(slow.map((feed) => feed.caughtUp()))
  }

  /** What the store says of a session now, without anybody waiting for a turn. */
  lookUp(id: SessionId): Promise<FindResult> {
    return this.scheduler.work(Promise.resolve(this.#inner.find(id)))
  }

  /** The place, among all that happened, of the last call of this method that the store answered; infinity before. */
  lastPlaceOf(method: string): number {
    return this.#places.get(method) ?? Number.POSITIVE_INFINITY
  }

  name(id: SessionId | null): string {
    return this.lives.name(id)
  }

  /** What must hold once nobody does anything any more. */
  async conclude(): Promise<void> {
    for (const life of this.lives.all) {
      if (life.end) continue
      const found = await this.#inner.find(life.id)
      if (found.status === 'live') this.writes.assertData(life.id, life.userId, found.record.data)
    }
    for (const client of this.#clients) await client.assertSignedIn()
    for (const error of this.errors) this.violations.add('P10', `somebody was told of ${String(error)}`)
  }

  /** Of what its token names; a session that is linked with others has those looked up, too. */
  #judged(visit: Visit, { args: [id], answer }: Extract<AppliedCall, { readonly method: 'find' }>): void {
    const facts = visit.token === null ? null : this.rotations.factsOf(visit.token)
    if (!facts || facts.id === id) visit.judged = answer
  }

  #assertLimit({ answer }: Extract<AppliedCall, { readonly method: 'replace' }>): void {
    const limit = this.options.sessions?.maxSessions
    if (!limit || answer.outcome !== 'ok') return
    const { userId } = answer.record
    const live = this.lives.all.filter((life) => life.userId === userId && !life.end)
    if (userId !== null && live.length > (limit.count ?? Number.POSITIVE_INFINITY)) {
      this.violations.add('CON-01', `${live.length} sessions at once with a limit of ${limit.count}.`)
    }
  }

  /** Notes that a session was used now, as far as its user can tell. */
  used(id: SessionId): void {
    this.#uses.set(id, this.storeNow)
  }

  /** A session never ends for idleness before its timeout, however activity is recorded (P8, EXP-08). */
  #assertIdle(id: SessionId): void {
    const record = this.#uses.get(id)
    const life = this.lives.of(id)
    if (record === undefined || !life || !this.timing.isKept) return
    const { idle } =
      this.nodes[0].sessions.manager.settings.lifetimes[life.userId === null ? 'anonymous' : 'signedIn']
    if (this.storeNow - record >= idle) return
    this.violations.add('P8', `${life.name} ended for idleness ${this.storeNow - record} ms after a use.`)
  }

  #happened(event: SessionEvent): void {
    this.events.push(event)
    this.count(event.name)
    if (event.name === 'ended' && event.reason === 'idle' && event.sessionId)
      this.#assertIdle(event.sessionId)
    const number = visitNumberOf(event)
    if (number !== null) this.#visits[number]?.events.push(event)
    this.scheduler.note(event.name)
  }
}

const FIRST_INSTANT: number = new FakeEnvironment().now()
