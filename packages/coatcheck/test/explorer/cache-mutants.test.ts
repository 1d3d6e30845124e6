import { describe, expect, it } from 'vitest'
import type { explore } from '../../src/store-testing/explorer/explore.ts'
import type { cacheScenarios } from '../../src/store-testing/explorer/scenarios/cache-scenarios.ts'
import type { memory } from '../../src/stores/memory.ts'
import { type Edit, mutateSources } from './mutated-sources.ts'

const CACHE = 'cache/near-cache.ts'
const LEASES = 'cache/leases.ts'
const ENTRIES = 'cache/entries.ts'
const UNTIL = 'Math.min(entry.until, entry.seenAt + common.idleTimeout)'
const ECHOED = 'this.#echoed(partitions, sentAt, wallAt)'
const NOW = 'this.#environment.monotonic(), this.#environment.now()'

/** What a simpler near cache would do, as a change of its text, and what each must be found out by. */
const MUTANTS: readonly (readonly [name: string, found: RegExp, edits: readonly Edit[]])[] = [
  [
    'no guard between the question to the store and the keeping of its answer',
    /P[127]/,
    [[CACHE, 'if (overtaken || era', 'if (era']],
  ],
  [
    'a guard of reads that an end of all of a user does not reach',
    /P1/,
    [
      [
        CACHE,
        'this.#changes++\n    this.#readings.overtakeAll()\n    this.#entries.removeUser',
        'this.#changes++\n    this.#entries.removeUser',
      ],
    ],
  ],
  [
    'a lease that runs from when the echo came, not from when its probe was sent',
    /P[12]/,
    [[LEASES, ECHOED, `this.#echoed(partitions, ${NOW})`]],
  ],
  [
    'a lease that runs from the last probe, whichever came back',
    /P[12]/,
    [[LEASES, ECHOED, 'this.#echoed(partitions, this.#sentAt, this.#environment.now())']],
  ],
  [
    'a lease for whatever is heard',
    /P[12]/,
    [
      [
        LEASES,
        '  stop(): void {',
        `  heard(): void {\n    this.#echoed(null, ${NOW})\n  }\n\n  stop(): void {`,
      ],
      [CACHE, 'this.#readings.overtake(id)', 'this.#readings.overtake(id)\n    this.#leases?.heard()'],
    ],
  ],
  [
    'a lease that the wall clock does not end',
    /P1/,
    [
      [
        LEASES,
        'return moved < this.#maxStaleness && moved > -this.#maxStaleness',
        'return !Number.isNaN(moved)',
      ],
    ],
  ],
  [
    'a lease that the steady clock does not end',
    /P[12]/,
    [
      [
        LEASES,
        'if (monotonic - (this.#provenAt[partition] as number) >= this.#maxStaleness) return false\n    const moved',
        'const moved',
      ],
    ],
  ],
  [
    'trust in what was known before the feed broke',
    /P[12]/,
    [[CACHE, 'this.#losses++\n    this.#enterNextEra(partitions)', 'this.#losses++']],
  ],
  [
    'an answer kept that was asked for before the feed was up again',
    /P[12]/,
    [
      [CACHE, 'this.#readings.overtakeAll()\n    for (const', 'for (const'],
      [CACHE, 'era !== this.#eras[partition] || ', ''],
      [CACHE, '      era,\n      // The', '      era: this.#eras[partition],\n      // The'],
    ],
  ],
  [
    'a node that hears of its own changes by the feed alone',
    /P[12]/,
    [['core/guarded-store.ts', 'tellOwnChange(this.#receiver, method, args, answer)\n', '\n']],
  ],
  [
    'an end of all of a user that reaches one of the sessions',
    /P1/,
    [
      [
        ENTRIES,
        'startsWith(beginning)) this.remove(slot)',
        'startsWith(beginning)) return this.remove(slot)',
      ],
    ],
  ],
  [
    'deadlines counted by the wall clock',
    /P8/,
    [
      [CACHE, 'const now = monotonic + ahead', 'const now = this.#environment.now() + ahead'],
      [CACHE, 'this.#environment?.monotonic() ?? 0)', 'this.#environment?.now() ?? 0)'],
    ],
  ],
  [
    'deadlines counted from a use that was not recorded yet',
    /P8/,
    [
      [ENTRIES, UNTIL, 'entry.until'],
      [
        ENTRIES,
        'return this.#floats[slot * ROW_FLOATS + UNTIL] as number',
        'return Math.min(this.#floats[slot * ROW_FLOATS + UNTIL] as number, this.#usedAtOf(slot) + (this.#common[slot] as CommonPart).idleTimeout)',
      ],
    ],
  ],
  [
    'rotations that a hit does not see to be due',
    /P4/,
    [[ENTRIES, UNTIL, 'entry.seenAt + common.idleTimeout']],
  ],
  [
    'a hit on another transport',
    /TRN-03/,
    [[CACHE, 'return this.#entries.transportOf(slot) === transport ? slot : -1', 'return slot']],
  ],
]

describe('the explorer finds', { timeout: 240_000 }, () => {
  it.each(MUTANTS)('%s', async (_name, found, edits) => {
    await expect(exploreAll(edits)).rejects.toThrow(new RegExp(`\\n(?:${found.source}): `))
  })

  it('nothing about the near cache as it is', async () => {
    await exploreAll([])
  })
})

/** In orders per scenario: most are found soon, what is wrong with clocks and deadlines late. */
const SOON = 25
const LATE = 300

async function exploreAll(edits: readonly Edit[]): Promise<void> {
  const sources = mutateSources(edits)
  try {
    const { explore: run } = (await sources.import('store-testing/explorer/explore.ts')) as {
      explore: typeof explore
    }
    const { cacheScenarios: scenarios } = (await sources.import(
      'store-testing/explorer/scenarios/cache-scenarios.ts',
    )) as { cacheScenarios: typeof cacheScenarios }
    const { memory: create } = (await sources.import('stores/memory.ts')) as { memory: typeof memory }
    const stores = () => {
      const store = create()
      return [store, store]
    }
    for (const scenario of scenarios) await run(scenario, { stores, orders: SOON, seed: 1 })
    if (edits.length === 0) return
    const timedFirst = scenarios.toSorted((a, b) => Number(isTimed(b)) - Number(isTimed(a)))
    for (const scenario of timedFirst) await run(scenario, { stores, orders: LATE, seed: 1 })
  } finally {
    sources.remove()
  }
}

function isTimed({ name }: { readonly name: string }): boolean {
  return name.includes('P8')
}
