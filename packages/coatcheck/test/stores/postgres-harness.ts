import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StoreHarness } from 'coatcheck/store-testing'
import pg from 'pg'
import postgresDriver from 'postgres'
import type { SessionStore } from '../../src/core/store.ts'
import { type PostgresClient, type PostgresOptions, postgres } from '../../src/stores/postgres.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import type { PostgresServer } from '../helpers/postgres-server.ts'

export const RETENTION = 3_600_000
export const SCHEMA = 'coatcheck'

export type DriverName = 'pg' | 'postgres'

/** A client of either driver, and its end. */
export interface OpenClient {
  readonly client: PostgresClient
  end(): Promise<void>
}

export interface ClientOptions {
  /** Most connections; default 10. */
  readonly max?: number
  /** Whether a transaction pooler stands in between. */
  readonly pooled?: boolean
}

export function openClient(driver: DriverName, url: string, options: ClientOptions = {}): OpenClient {
  const { max = 10, pooled = false } = options
  if (driver === 'pg') {
    const pool = new pg.Pool({ connectionString: url, max })
    // Between two stores nobody else listens.
    pool.on('error', () => {})
    return { client: pool, end: () => pool.end() }
  }
  const sql = postgresDriver(url, { max, prepare: !pooled, backoff: () => 0.01, onnotice: () => {} })
  return { client: sql, end: () => sql.end({ timeout: 0 }) }
}

/** The store's tables in one database, whose clock tests set: a table takes the place of the server's. */
export class PostgresFixture {
  readonly server: PostgresServer
  readonly admin: pg.Pool
  readonly #clients: OpenClient[]
  /** For the feed of changes, where the others go by a pooler. */
  readonly #listen: OpenClient | null
  #next = 0

  private constructor(server: PostgresServer, clients: OpenClient[], listen: OpenClient | null) {
    this.server = server
    this.admin = new pg.Pool({ connectionString: server.url(), max: 2 })
    this.admin.on('error', () => {})
    this.#clients = clients
    this.#listen = listen
  }

  /** Tables, and clients that stand for the nodes of a fleet. */
  static async open(
    server: PostgresServer,
    driver: DriverName,
    { nodes = 3, url = server.url(), ...options }: ClientOptions & { nodes?: number; url?: string } = {},
  ): Promise<PostgresFixture> {
    const clients = Array.from({ length: nodes }, () => openClient(driver, url, options))
    const listen = options.pooled ? openClient(driver, server.url(), { max: 1 }) : null
    const fixture = new PostgresFixture(server, clients, listen)
    const store = postgres(fixture.client())
    await store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
    await store.close()
    await fixture.admin.query(`
      CREATE TABLE IF NOT EXISTS ${SCHEMA}.test_clock (ms double precision NOT NULL);
      CREATE OR REPLACE FUNCTION ${SCHEMA}.now_ms() RETURNS double precision LANGUAGE sql AS
        'SELECT ms FROM ${SCHEMA}.test_clock';
    `)
    await fixture.reset()
    return fixture
  }

  /** The next node's client. */
  client(): PostgresClient {
    const { client } = this.#clients[this.#next++ % this.#clients.length] as OpenClient
    return client
  }

  store(options: PostgresOptions = {}): SessionStore {
    const listen = this.#listen && { listen: this.#listen.client }
    return postgres(this.client(), { ...listen, ...options })
  }

  async opened(environment = new FakeEnvironment(), tombstoneRetention = RETENTION): Promise<SessionStore> {
    const store = this.store()
    await store.open({ environment, tombstoneRetention })
    return store
  }

  async setClock(milliseconds: number): Promise<void> {
    await this.admin.query(`UPDATE ${SCHEMA}.test_clock SET ms = $1`, [milliseconds])
  }

  /** Removes every session, as if the tables had just been made. */
  async reset(now = new FakeEnvironment().now()): Promise<void> {
    await this.admin.query(`
      TRUNCATE ${SCHEMA}.sessions, ${SCHEMA}.users, ${SCHEMA}.user_ends, ${SCHEMA}.epochs, ${SCHEMA}.test_clock;
      INSERT INTO ${SCHEMA}.epochs (number) VALUES (1);
      INSERT INTO ${SCHEMA}.test_clock VALUES (${now});
    `)
  }

  /** Fresh tables in the shape that contract cases run on. */
  async harness(): Promise<StoreHarness> {
    const environment = new FakeEnvironment()
    const handles: SessionStore[] = []
    await this.reset(environment.now())
    return {
      open: async () => {
        const store = await this.opened(environment)
        handles.push(store)
        return store
      },
      advance: (milliseconds) => {
        environment.advance(milliseconds)
        return this.setClock(environment.now())
      },
      stepBack: (milliseconds) => {
        environment.stepWallClock(-milliseconds)
        return this.setClock(environment.now())
      },
      tombstoneRetention: RETENTION,
      dump: () => this.dump(),
      dispose: async () => {
        await Promise.all(handles.map((store) => store.close()))
      },
    }
  }

  /** Every file of the database: tables, indexes and the write-ahead log. */
  async dump(): Promise<readonly Uint8Array[]> {
    await this.admin.query('CHECKPOINT')
    return ['base', 'pg_wal'].flatMap((name) => filesBelow(join(this.server.data, name)))
  }

  async close(): Promise<void> {
    const listen = this.#listen ? [this.#listen] : []
    await Promise.all([...this.#clients, ...listen, this.admin].map((each) => each.end()))
  }
}

function filesBelow(directory: string): Uint8Array[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)))
}
