import pg from 'pg'
import postgresDriver from 'postgres'
import { describe, expect, it } from 'vitest'
import { StoreError } from '../../src/core/errors.ts'
import { newSession, sessionId } from '../../src/store-testing/fixtures.ts'
import { type PgPool, type PostgresOptions, postgres, postgresMigration } from '../../src/stores/postgres.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

const PASSWORD = 'hunter2-in-the-url'
const CONTEXT = { environment: new FakeEnvironment(), tombstoneRetention: 3_600_000 }

/** Nobody listens there. */
const NOWHERE = `postgres://app:${PASSWORD}@127.0.0.1:1/app`

describe('postgres() takes', () => {
  it('a pool of pg, and declares what every store on a server does', async () => {
    const pool = new pg.Pool({ connectionString: NOWHERE })
    const store = postgres(pool)
    expect(store.capabilities).toEqual({ shared: 'network', durable: true, replace: 'transaction' })
    expect(store.defaultKeys).toBeUndefined()
    await pool.end()
  })

  it('the sql of postgres', async () => {
    const sql = postgresDriver(NOWHERE)
    expect(postgres(sql).name).toBe('postgres')
    await sql.end()
  })

  it.each([
    ['a connection string', NOWHERE],
    ['nothing', undefined],
    ['null', null],
    ['options of a pool', { connectionString: NOWHERE }],
    ['a query builder', { query: {}, connect() {} }],
    ['a function', () => {}],
    ['a promise of a pool', Promise.resolve()],
  ])('no other client: %s', (_what, client) => {
    const wrong = () => postgres(client as unknown as PgPool)
    expect(wrong).toThrow(expect.objectContaining({ code: 'ERR_OPTION', name: 'ConfigError' }))
    expect(wrong).toThrow(/Pool of pg/)
    expect(wrong).not.toThrow(PASSWORD)
  })

  it.each(['', '1st', 'pg_temp', 'a"b', "a'b", 'a.b', 'a b', 'a$migration$b', 'ä', 'x'.repeat(64)])(
    'no schema called %j',
    (schema) => {
      expect(() => postgres(silentPool(), { schema })).toThrow(/Option schema must be/)
      expect(() => postgresMigration({ schema })).toThrow(/Option schema must be/)
    },
  )

  it('no option that it does not know', () => {
    const options = { tableName: 'sessions' } as unknown as PostgresOptions
    expect(() => postgres(silentPool(), options)).toThrow(/Option tableName does not exist/)
  })
})

describe('a store whose durability was given up', () => {
  it('says so', () => {
    expect(postgres(silentPool(), { unsafeAllowDataLoss: true }).capabilities.durable).toBe(false)
  })
})

describe('P10 where the driver fails, the error', () => {
  it.each([
    ['pg', () => new pg.Pool({ connectionString: NOWHERE })],
    ['postgres', () => postgresDriver(NOWHERE, { connect_timeout: 2 })],
  ] as const)(
    'says that nothing was applied when %s finds no server, without the password',
    async (_name, make) => {
      const client = make()
      const error = await failureOf(() => postgres(client).open(CONTEXT))
      expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', retryable: true })
      expect(everythingIn(error)).not.toContain(PASSWORD)
      expect(everythingIn(error)).toContain('ECONNREFUSED')
      await client.end()
    },
  )

  const id = sessionId(1)

  it.each([
    ['57014', 'ERROR', 'ERR_STORE_TIMEOUT', true],
    ['55P03', 'ERROR', 'ERR_STORE_LOCKED', true],
    ['53100', 'ERROR', 'ERR_STORE_FULL', true],
    ['53200', 'ERROR', 'ERR_STORE_UNAVAILABLE', true],
    ['53300', 'FATAL', 'ERR_STORE_UNAVAILABLE', true],
    ['57P03', 'FATAL', 'ERR_STORE_UNAVAILABLE', true],
    ['28P01', 'FATAL', 'ERR_STORE_UNAVAILABLE', true],
    ['57P01', 'FATAL', 'ERR_STORE_UNAVAILABLE', false],
    ['25006', 'ERROR', 'ERR_STORE_READ_ONLY', true],
    ['42501', 'ERROR', 'ERR_STORE_READ_ONLY', true],
    ['42883', 'ERROR', 'ERR_STORE_SCHEMA', true],
    ['42P01', 'ERROR', 'ERR_STORE_SCHEMA', true],
    ['XX001', 'ERROR', 'ERR_STORE_CORRUPT', true],
    ['26000', 'ERROR', 'ERR_STORE_UNAVAILABLE', true],
    ['40003', 'ERROR', 'ERR_STORE_UNAVAILABLE', false],
    ['08P01', 'FATAL', 'ERR_STORE_UNAVAILABLE', false],
  ])(
    'of a write that ends with SQLSTATE %s (%s) is %s and retryable: %s',
    async (code, severity, expected, retryable) => {
      const store = await openOver(() => Promise.reject(serverError(code, severity)))
      const error = await failureOf(() => store.end(id, { reason: 'logout' }))
      expect(error).toMatchObject({ name: 'StoreError', code: expected, retryable })
      expect(error.message).not.toBe('')
    },
  )

  it.each([
    ['Connection terminated unexpectedly', undefined, false],
    ['read ECONNRESET', 'ECONNRESET', false],
    ['write CONNECTION_CLOSED 127.0.0.1:5432', 'CONNECTION_CLOSED', false],
    ['write CONNECTION_ENDED 127.0.0.1:5432', 'CONNECTION_ENDED', true],
    ['timeout exceeded when trying to connect', undefined, true],
    ['Cannot use a pool after calling end on the pool', undefined, true],
    ['Query read timeout', undefined, false],
  ])('of a write that ends with "%s" is retryable: %s %s', async (message, code, retryable) => {
    const store = await openOver(() => Promise.reject(Object.assign(new Error(message), { code })))
    const error = await failureOf(() => store.end(id, { reason: 'logout' }))
    expect(error).toMatchObject({ retryable, cause: expect.objectContaining({ message }) })
  })

  it('has neither the statement nor its parameters nor values of rows, however the driver decorates it', async () => {
    const store = await openOver((_text, values) => {
      const decorated = { query: 'SELECT secret', parameters: values, args: values, detail: String(values) }
      return Promise.reject(
        Object.assign(serverError('23505', 'ERROR', `duplicate key ${values}`), decorated),
      )
    })
    const session = newSession(7, { userId: 'somebody' })
    const error = await failureOf(() => store.create(session))
    for (const secret of [session.secretHash, session.id, 'somebody', 'SELECT'])
      expect(everythingIn(error)).not.toContain(secret)
  })

  it('is not retryable where a repetition that was refused follows an attempt that may have been applied', async () => {
    const failures = [new Error('Connection terminated unexpectedly'), serverError('53100', 'ERROR')]
    const store = await openOver(() => Promise.reject(failures.shift()))
    const error = await failureOf(() => store.touch([{ id, ago: 0 }]))
    expect(error).toMatchObject({ code: 'ERR_STORE_FULL', retryable: false })
    expect(failures).toEqual([])
  })

  it('of a read is retryable, since nothing is lost by asking again', async () => {
    const store = await openOver(() => Promise.reject(new Error('Connection terminated unexpectedly')))
    const error = await failureOf(() => Promise.resolve(store.find(id)))
    expect(error).toMatchObject({ retryable: true })
  })
})

describe('a call that the server rolled back in favour of another', () => {
  it.each(['40001', '40P01'])('is made again after SQLSTATE %s', async (code) => {
    const answers = [
      () => Promise.reject(serverError(code, 'ERROR')),
      () => Promise.reject(serverError(code, 'ERROR')),
      () => Promise.resolve({ rows: [['{"outcome":"unknown"}']] }),
    ]
    const store = await openOver(() => (answers.shift() as () => Promise<Rows>)())
    expect(await store.end(sessionId(1), { reason: 'logout' })).toEqual({ outcome: 'unknown' })
  })

  it('is given up after some attempts, and says that nothing was applied', async () => {
    let attempts = 0
    const store = await openOver(() => {
      attempts++
      return Promise.reject(serverError('40P01', 'ERROR'))
    })
    const error = await failureOf(() => store.end(sessionId(1), { reason: 'logout' }))
    expect(error).toMatchObject({ retryable: true })
    expect(attempts).toBe(5)
  })
})

describe('closing a store', () => {
  it('waits for a call under way, but not for ever for one that the driver has lost', async () => {
    const environment = new FakeEnvironment()
    const store = await openOver(() => new Promise(() => {}), environment)
    const lost = store.end(sessionId(1), { reason: 'logout' })
    const closing = Promise.race([store.close().then(() => 'closed'), lost])
    environment.advance(9_999)
    expect(await Promise.race([closing, environment.settle().then(() => 'waiting')])).toBe('waiting')
    environment.advance(1)
    expect(await closing).toBe('closed')
  })
})

describe('a pool that nobody listens to', () => {
  it('does not end the process when an idle connection breaks, until the store is closed', async () => {
    const pool = new pg.Pool({ connectionString: NOWHERE })
    const store = postgres(pool)
    await failureOf(() => store.open(CONTEXT))
    expect(() => pool.emit('error', new Error('idle'), {} as pg.PoolClient)).not.toThrow()
    await store.close()
    expect(pool.listenerCount('error')).toBe(0)
    await pool.end()
  })

  it('is left to the application that does listen', async () => {
    const pool = new pg.Pool({ connectionString: NOWHERE })
    pool.on('error', () => {})
    const store = postgres(pool)
    await failureOf(() => store.open(CONTEXT))
    expect(pool.listenerCount('error')).toBe(1)
    await store.close()
    expect(pool.listenerCount('error')).toBe(1)
    await pool.end()
  })
})

interface Rows {
  readonly rows: readonly unknown[]
}

const GOOD_SERVER = {
  version: 160_000,
  replica: false,
  readOnly: 'off',
  synchronousCommit: 'on',
  fsync: 'on',
  fullPageWrites: 'on',
  encoding: 'UTF8',
  isolation: 'read committed',
  role: 'app',
  meta: true,
  foreign: false,
}

/** An open store over a pool whose server is in order, and whose calls end as `answer` says. */
async function openOver(
  answer: (text: string, values: readonly unknown[]) => Promise<Rows>,
  environment = CONTEXT.environment,
) {
  const pool = silentPool((text, values) => {
    if (text.includes('server_version_num')) return Promise.resolve({ rows: [[JSON.stringify(GOOD_SERVER)]] })
    if (text.includes('.meta')) return Promise.resolve({ rows: [['1']] })
    return answer(text, values)
  })
  const store = postgres(pool)
  await store.open({ ...CONTEXT, environment })
  return store
}

function silentPool(
  answer: (text: string, values: readonly unknown[]) => Promise<Rows> = () => Promise.resolve({ rows: [] }),
): PgPool {
  const pool = {
    connect() {},
    query: (query: Parameters<PgPool['query']>[0]) => answer(query.text, query.values),
  }
  return pool as PgPool
}

function serverError(code: string, severity: string, message = 'said the server'): Error {
  return Object.assign(new Error(message), { code, severity })
}

async function failureOf(call: () => Promise<unknown>): Promise<StoreError> {
  const error = await call().catch((failure: unknown) => failure)
  if (error instanceof StoreError) return error
  throw new Error(`Expected a StoreError, not ${error}.`)
}

/** What a log that prints everything would print. */
function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = Object.getOwnPropertyNames(error).map(
    (name) => (error as unknown as Record<string, unknown>)[name],
  )
  return own.map((value) => (value instanceof Error ? everythingIn(value) : JSON.stringify(value))).join('\n')
}
