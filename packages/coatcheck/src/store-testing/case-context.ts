import type { Operation, SessionId, SessionRecord, Tombstone } from '../core/record.ts'
import type {
  AdoptResult,
  BuryResult,
  Ended,
  Live,
  MutateOptions,
  MutateResult,
  NewSession,
  ReplaceOptions,
  RotationChange,
  ScanResult,
  SessionStore,
} from '../core/store.ts'
import { ContractViolation, expectLive, expectOutcome, expectTrue } from './assertions.ts'
import {
  mutateOptions,
  newSession,
  nextRotation,
  replaceOptions,
  secretHash,
  sessionElsewhere,
  sessionId,
  sessionIdOf,
  THERE,
} from './fixtures.ts'
import type { Requirement, StoreCase, StoreHarness } from './harness.ts'

/** One case of the contract from its sentence and its check. */
export function contractCase(
  name: string,
  body: (t: CaseContext) => Promise<void>,
  requires: readonly Requirement[] = [],
): StoreCase {
  return { name, requires, run: (harness) => body(new CaseContext(harness)) }
}

/** What the cases share: handles, the clock, and sessions and writes whose ids count up from the start of the case. */
export class CaseContext {
  readonly #harness: StoreHarness
  #count = 0

  constructor(harness: StoreHarness) {
    this.#harness = harness
  }

  get precision(): number {
    return this.#harness.precision ?? 1
  }

  get tombstoneRetention(): number {
    return this.#harness.tombstoneRetention
  }

  async open(): Promise<SessionStore> {
    return await this.#harness.open()
  }

  /** Handles that stand for the nodes of a fleet. */
  async nodes(): Promise<readonly [SessionStore, SessionStore, SessionStore]> {
    return [await this.open(), await this.open(), await this.open()]
  }

  async advance(milliseconds: number): Promise<void> {
    await this.#harness.advance(milliseconds)
  }

  async stepBack(milliseconds: number): Promise<void> {
    if (!this.#harness.stepBack) throw new ContractViolation('The harness cannot step its clock back.')
    await this.#harness.stepBack(milliseconds)
  }

  /** The store's clock. */
  async now(store: SessionStore): Promise<number> {
    return (await store.list('nobody', { limit: 1, cursor: null })).now
  }

  /** An id that no session has had in this case. */
  id(): SessionId {
    return sessionId(this.#next())
  }

  /** A string that no other call answers with. */
  operationId(): string {
    return `operation-${this.#next()}`
  }

  session(overrides: Partial<NewSession> = {}): NewSession {
    const n = this.#next()
    return newSession(n, { id: sessionIdOf(n, overrides.userId ?? null), ...overrides })
  }

  writing(overrides: Partial<MutateOptions> = {}): MutateOptions {
    return mutateOptions(this.operationId(), overrides)
  }

  replacing(overrides: Partial<ReplaceOptions> = {}): ReplaceOptions {
    return replaceOptions(this.operationId(), overrides)
  }

  rotating(record: SessionRecord): RotationChange {
    return nextRotation(record.rotation, this.#next())
  }

  secretHash(): string {
    return secretHash(this.#next())
  }

  async created(store: SessionStore, overrides: Partial<NewSession> = {}): Promise<SessionRecord> {
    return expectOutcome(await store.create(this.session(overrides)), 'ok', 'create').record
  }

  /** A session whose end has been acknowledged. */
  async ended(store: SessionStore, overrides: Partial<NewSession> = {}): Promise<SessionRecord> {
    const record = await this.created(store, overrides)
    expectOutcome(await store.end(record.id, { reason: 'revoked' }), 'ended', 'end')
    return record
  }

  /** A live session of another store. */
  elsewhere(overrides: Partial<SessionRecord> = {}): Live {
    return sessionElsewhere(this.#next(), overrides)
  }

  /** The record of a session that must be there once `store` has taken it over. */
  async adopted(store: SessionStore, overrides: Partial<SessionRecord> = {}): Promise<SessionRecord> {
    const answer = await this.adopt(store, this.elsewhere(overrides))
    return expectOutcome(answer, 'ok', 'adopt').record
  }

  adopt(store: SessionStore, session: Live): Promise<AdoptResult> {
    return store.adopt(session, { ifEpoch: null })
  }

  bury(store: SessionStore, tombstone: Tombstone): Promise<BuryResult> {
    return store.bury(tombstone, { now: THERE })
  }

  /** The record of a session that must be live. */
  async record(store: SessionStore, id: SessionId): Promise<SessionRecord> {
    return expectLive(await store.find(id), 'find').record
  }

  mutate(store: SessionStore, id: SessionId, ...operations: readonly Operation[]): Promise<MutateResult> {
    return store.mutate(id, operations, this.writing())
  }

  /** All pages of a user's list. */
  async listed(store: SessionStore, userId: string, limit = 100): Promise<readonly SessionRecord[]> {
    const records: SessionRecord[] = []
    let cursor: string | null = null
    do {
      const page = await store.list(userId, { limit, cursor })
      expectTrue(page.sessions.length <= limit, `list answered more than the limit of ${limit}`)
      expectTrue(records.length < 10_000, 'list did not come to an end')
      records.push(...page.sessions)
      cursor = page.cursor
    } while (cursor !== null)
    return records
  }

  async listedIds(store: SessionStore, userId: string, limit = 100): Promise<readonly SessionId[]> {
    return (await this.listed(store, userId, limit)).map(({ id }) => id)
  }

  /** Sweeps until the store says that there is no more to do. */
  async swept(
    store: SessionStore,
    limit = 100,
  ): Promise<{ readonly ended: readonly Ended[]; readonly tombstonesRemoved: number }> {
    const ended: Ended[] = []
    let tombstonesRemoved = 0
    for (let slice = 0; slice < 10_000; slice++) {
      const result = await store.sweep({ limit })
      expectTrue(result.ended.length <= limit, `sweep ended more than the limit of ${limit}`)
      expectTrue(result.tombstonesRemoved <= limit, `sweep removed more than the limit of ${limit}`)
      ended.push(...result.ended)
      tombstonesRemoved += result.tombstonesRemoved
      if (!result.more) return { ended, tombstonesRemoved }
    }
    throw new ContractViolation('sweep did not come to an end')
  }

  /** All pages of a scan; what comes between two of them happens in `between`. */
  async scanned(
    store: SessionStore,
    limit = 100,
    between: (page: ScanResult) => Promise<void> = async () => {},
  ): Promise<Pick<ScanResult, 'sessions' | 'tombstones'>> {
    const sessions: SessionRecord[] = []
    const tombstones: Tombstone[] = []
    let cursor: string | null = null
    for (let pages = 0; pages < 10_000; pages++) {
      const page: ScanResult = await store.scan({ limit, cursor })
      sessions.push(...page.sessions)
      tombstones.push(...page.tombstones)
      cursor = page.cursor
      if (cursor === null) return { sessions, tombstones }
      await between(page)
    }
    throw new ContractViolation('scan did not come to an end')
  }

  #next(): number {
    this.#count++
    return this.#count
  }
}
