import { join } from 'node:path'
import type { StoreCase, StoreHarness } from 'coatcheck/store-testing'
import type { CreateResult, NewSession, SessionStore } from '../../src/core/store.ts'
import { moving } from '../../src/stores/moving.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { temporaryDirectory } from './sqlite-harness.ts'

export const RETENTION = 3_600_000

/** What stands between a case and the composite store. */
export type Entrance = (store: SessionStore, from: SessionStore) => SessionStore

export const straight: Entrance = (store) => store

/**
 * As if every session had been made before the moving began: in `from`. All else goes through the composite store. The
 * answer has the epoch that the session will have in `to`, which is nobody else's business than the store's.
 */
export const bornInFrom: Entrance = (store, from) =>
  new Proxy(store, {
    get(target, key) {
      if (key === 'create') return (session: NewSession) => createIn(from, target, session)
      const member = Reflect.get(target, key) as unknown
      return typeof member === 'function' ? member.bind(target) : member
    },
  })

async function createIn(from: SessionStore, store: SessionStore, session: NewSession): Promise<CreateResult> {
  // Nobody makes a session in `from` any more once ids come up that only `to` knows.
  if ((await store.find(session.id)).status !== 'unknown') return { outcome: 'exists' }
  const created = await from.create(session)
  if (created.outcome !== 'ok') return created
  return { ...created, record: { ...created.record, epoch: await store.epochFor(created.record) } }
}

/** From one store of this process to another, on a clock that stands still. */
export async function movingInProcess(entrance: Entrance, create: () => SessionStore): Promise<StoreHarness> {
  const environment = new FakeEnvironment()
  const from = create()
  const store = entrance(moving({ from, to: create() }), from)
  await store.open({ environment, tombstoneRetention: RETENTION })
  return {
    open: () => store,
    advance: (milliseconds) => environment.advance(milliseconds),
    stepBack: (milliseconds) => environment.stepWallClock(-milliseconds),
    tombstoneRetention: RETENTION,
    dispose: () => store.close(),
  }
}

/** Handles that move from one SQLite file to another. */
export function movingSqliteHarness(entrance: Entrance): StoreHarness {
  const environment = new FakeEnvironment()
  const directory = temporaryDirectory()
  const handles: SessionStore[] = []
  return {
    async open() {
      const from = sqlite(join(directory.path, 'from.db'))
      const store = entrance(moving({ from, to: sqlite(join(directory.path, 'to.db')) }), from)
      await store.open({ environment, tombstoneRetention: RETENTION })
      handles.push(store)
      return store
    },
    advance: (milliseconds) => environment.advance(milliseconds),
    stepBack: (milliseconds) => environment.stepWallClock(-milliseconds),
    tombstoneRetention: RETENTION,
    async dispose() {
      await Promise.all(handles.map((store) => store.close()))
      directory.dispose()
    },
  }
}

/** These count tombstones, and what has moved and then ended has one in either store. */
export const COUNTED_TWICE: readonly RegExp[] = [
  /^STO-07 a tombstone stays for its retention and goes after it$/,
  /^sweep removes at most as many tombstones as its limit$/,
]

/** The contract, but for its feed of changes: nothing is cached while it moves. */
export function movingCases(entrance: Entrance, cases: readonly StoreCase[]): readonly StoreCase[] {
  const left = entrance === bornInFrom ? COUNTED_TWICE : []
  return cases.filter(
    ({ name, requires }) => !requires.includes('changes') && !left.some((pattern) => pattern.test(name)),
  )
}
