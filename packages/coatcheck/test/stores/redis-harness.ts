import type { StoreHarness } from 'coatcheck/store-testing'
import type { Environment } from '../../src/core/environment.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { driverOf } from '../../src/stores/redis/clients.ts'
import { RedisStore } from '../../src/stores/redis/redis-store.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

export const RETENTION = 3_600_000

let prefixes = 0

/** A prefix that no other state in this process has. */
export function freshPrefix(): string {
  prefixes++
  return `test${prefixes}:`
}

/** A store that judges by the clock of the environment that it is opened with, as none does outside tests. */
export function redisOnTestClock(
  client: unknown,
  prefix: string,
  confirmations: number | null = null,
  // Long, since on a busy machine replicas may take their time.
  confirmationTimeout = 20_000,
): SessionStore {
  const clock = ({ environment }: { readonly environment: Environment }) => String(environment.now())
  const checks = { settings: 'ignore', confirmations, confirmationTimeout } as const
  return new RedisStore({ driver: driverOf(client), prefix, clock, checks })
}

/** Handles on one fresh prefix, in turn over these clients, on a clock that stands still. */
export function redisHarness(clients: readonly unknown[], confirmations: number | null = null): StoreHarness {
  const environment = new FakeEnvironment()
  const prefix = freshPrefix()
  const handles: SessionStore[] = []
  return {
    async open() {
      const store = redisOnTestClock(clients[handles.length % clients.length], prefix, confirmations)
      await store.open({ environment, tombstoneRetention: RETENTION })
      handles.push(store)
      return store
    },
    advance: (milliseconds) => environment.advance(milliseconds),
    stepBack: (milliseconds) => environment.stepWallClock(-milliseconds),
    tombstoneRetention: RETENTION,
    async dispose() {
      await Promise.all(handles.map((store) => store.close()))
    },
  }
}
