import type { Environment } from '../../src/core/environment.ts'
import type { SessionStore, StoreContext } from '../../src/core/store.ts'
import type { ExplorerStores } from '../../src/store-testing/explorer/explore.ts'
import { PostgresServer } from '../helpers/postgres-server.ts'
import { type DriverName, PostgresFixture } from '../stores/postgres-harness.ts'
import { withRealTimers } from './real-timers.ts'

export interface PostgresStores {
  readonly stores: ExplorerStores
  /** Forgets every session; orders of the next exploration have the same ids. */
  reset(): Promise<void>
  close(): Promise<void>
}

/** For each order two nodes on one PostgreSQL server, whose clock is that of the order. */
export async function postgresStores(driver: DriverName): Promise<PostgresStores> {
  const server = await PostgresServer.start()
  const fixture = await PostgresFixture.open(server, driver, { nodes: 2, max: 2 })
  const clock = new ServerClock(fixture)
  const handles = [0, 1].map(() => clock.onTime(withRealTimers(fixture.store())))
  return {
    stores: () => handles,
    reset: () => fixture.reset(),
    async close() {
      await Promise.all(handles.map((handle) => handle.close()))
      await fixture.close()
      await server.dispose()
    },
  }
}

/** Brings the server's clock to that of the environment that was opened last, before each call. */
class ServerClock {
  readonly #fixture: PostgresFixture
  #environment: Environment | null = null
  #setting: Promise<void> = Promise.resolve()
  #set = Number.NaN

  constructor(fixture: PostgresFixture) {
    this.#fixture = fixture
  }

  onTime(store: SessionStore): SessionStore {
    return new Proxy(store, {
      get: (_, name: keyof SessionStore) => {
        const member = store[name]
        if (name === 'open') return (context: StoreContext) => this.#open(store, context)
        if (typeof member !== 'function') return member
        return async (...args: unknown[]) => {
          await this.#adjust()
          return (member as (...args: unknown[]) => unknown).apply(store, args)
        }
      },
    })
  }

  #open(store: SessionStore, context: StoreContext): Promise<void> {
    this.#environment = context.environment
    return store.open(context)
  }

  #adjust(): Promise<void> {
    const now = this.#environment?.now() ?? this.#set
    if (now !== this.#set) {
      this.#set = now
      this.#setting = this.#setting.then(() => this.#fixture.setClock(now))
    }
    return this.#setting
  }
}
