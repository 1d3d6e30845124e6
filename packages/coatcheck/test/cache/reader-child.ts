import { NearCache } from '../../src/cache/near-cache.ts'
import { GuardedStore } from '../../src/core/guarded-store.ts'
import { systemEnvironment } from '../../src/core/platform.ts'
import type { SessionId } from '../../src/core/record.ts'
import { openStore } from '../stores/load-stores.ts'

/**
 * A node that reads one session over and over, from memory where it may, as a process: `<driver> <address> <session id>
 * <maxStaleness>`. Tells its parent what it has seen whenever that asks.
 */
const [driver = '', address = '', session = '', maxStaleness = ''] = process.argv.slice(2)
const id = session as SessionId

/** What a reader has seen. Instants are nanoseconds by a clock that all processes of the machine share. */
export interface Seen {
  /** How often it could answer from memory, and when it last did. */
  readonly remembered: number
  readonly rememberedAt: string
  /** What the store last said, or `failed`. */
  readonly found: string
}

let remembered = 0
let rememberedAt = 0n
let found = 'nothing yet'

const { store, connect } = openStore(driver, address)
await connect()
await store.open({ environment: systemEnvironment, tombstoneRetention: 3_600_000 })
const cache = new NearCache({ maxSessions: 10 })
const ignore = () => {}
await cache.open({
  store,
  environment: systemEnvironment,
  maxStaleness: Number(maxStaleness),
  receiver: { changed: ignore, userChanged: ignore, everyoneChanged: ignore, lost: ignore },
  onError: ignore,
})
const guarded = new GuardedStore(store, {
  environment: systemEnvironment,
  timeout: 1_000,
  report: ignore,
  called: ignore,
  receiver: cache,
})

/** Between two reads that ask the store, where one is needed, other reads go on from memory. */
let asking = false

function read(): void {
  const at = process.hrtime.bigint()
  if (cache.hit(id, 'cookie')) {
    remembered++
    rememberedAt = at
  } else if (!asking) void ask()
}

async function ask(): Promise<void> {
  asking = true
  const reading = cache.reading(id)
  try {
    const answer = await guarded.find(id)
    found = answer.status
    // To the cache, an id is as good as a token.
    if (answer.status === 'live') cache.keep(reading, id, answer, KEPT)
  } catch {
    found = 'failed'
  } finally {
    cache.done(reading)
    asking = false
  }
}

/** Until something is told, or the lease is out. */
const KEPT = { until: Number.POSITIVE_INFINITY, touchInterval: 60_000 }

setInterval(read, 1)
process.on('message', () => {
  const seen: Seen = { remembered, rememberedAt: String(rememberedAt), found }
  process.send?.(seen)
})
process.on('disconnect', () => process.exit(0))
