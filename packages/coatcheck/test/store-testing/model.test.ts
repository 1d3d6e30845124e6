import { compareWithModel, MODEL_RETENTION, type ModelPair } from 'coatcheck/store-testing'
import { describe, expect, it } from 'vitest'
import type { SessionStore } from '../../src/core/store.ts'
import { generateCommands } from '../../src/store-testing/model/generate.ts'
import { memory } from '../../src/stores/memory.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { RunningEnvironment } from './shared-memory.ts'

describe('random runs', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
    'with seed %i, the memory store agrees with itself',
    async (seed) => {
      await compareWithModel({ seed, commands: 500, open: () => openPair() })
    },
  )

  it.each([11, 12, 13])(
    'with seed %i, a store on a clock of its own agrees to its precision',
    async (seed) => {
      const precision = 5_000
      await compareWithModel({
        seed,
        commands: 500,
        precision,
        open: () => openPair(new RunningEnvironment()),
      })
    },
  )

  it('follow from the seed', () => {
    expect(generateCommands(7, 200, 1)).toEqual(generateCommands(7, 200, 1))
    expect(generateCommands(7, 200, 1)).not.toEqual(generateCommands(8, 200, 1))
  })

  it('meet every answer that the contract names', async () => {
    const met = new Set<string>()
    for (let seed = 1; seed <= 10; seed++) {
      await compareWithModel({ seed, commands: 500, open: () => openPair(undefined, met) })
    }
    expect([...EVERY_ANSWER].filter((answer) => !met.has(answer))).toEqual([])
  })
})

const EVERY_ANSWER: readonly string[] = [
  ...['ok', 'exists'].map((outcome) => `create ${outcome}`),
  ...['live', 'unknown', 'idle', 'absolute', 'everyone', 'limit', 'replaced', 'revoked'].map(
    (what) => `find ${what}`,
  ),
  ...['ok', 'conflict', 'gone', 'rejected type', 'rejected size'].map((outcome) => `mutate ${outcome}`),
  ...['ok', 'conflict', 'gone'].map((outcome) => `rotate ${outcome}`),
  ...['ok', 'exists', 'gone', 'stale', 'conflict', 'limit', 'rejected type', 'rejected size'].map(
    (outcome) => `replace ${outcome}`,
  ),
  ...['replaced', 'evicted'].map((what) => `replace with ${what}`),
  ...['ended', 'already', 'unknown'].map((outcome) => `end ${outcome}`),
  ...['ok', 'exists', 'ended', 'over', 'stale'].map((outcome) => `adopt ${outcome}`),
  ...['ended', 'buried', 'already'].map((outcome) => `bury ${outcome}`),
  'endUser with ended',
  'sweep with ended',
]

/** A pair of memory stores, and in `met` what the second one answered. */
async function openPair(own?: FakeEnvironment, met?: Set<string>): Promise<ModelPair> {
  const environment = new FakeEnvironment()
  const model = memory()
  const store = memory()
  await model.open({ environment, tombstoneRetention: MODEL_RETENTION })
  await store.open({ environment: own ?? environment, tombstoneRetention: MODEL_RETENTION })
  return {
    model,
    store: met ? observed(store, met) : store,
    advance(milliseconds) {
      environment.advance(milliseconds)
      own?.advance(milliseconds)
    },
  }
}

function observed(store: SessionStore, met: Set<string>): SessionStore {
  return new Proxy(store, {
    get(target, key) {
      const method = Reflect.get(target, key) as unknown
      if (typeof method !== 'function') return method
      return async (...args: unknown[]) => {
        const answer: unknown = await method.apply(target, args)
        if (typeof answer === 'object' && answer !== null) note(met, String(key), { ...answer })
        return answer
      }
    },
  })
}

function note(met: Set<string>, method: string, answer: Readonly<Record<string, unknown>>): void {
  const { outcome, status, cause, tombstone, replaced, evicted, ended } = answer
  const reason = (tombstone as { readonly reason?: string } | null | undefined)?.reason
  const what = status === 'ended' ? reason : (outcome ?? status)
  met.add(`${method} ${String(what)}${cause ? ` ${String(cause)}` : ''}`)
  if (replaced) met.add(`${method} with replaced`)
  if (Array.isArray(evicted) && evicted.length > 0) met.add(`${method} with evicted`)
  if (Array.isArray(ended) && ended.length > 0) met.add(`${method} with ended`)
}
