import { describe, expect, it } from 'vitest'
import type { SessionId } from '../../src/core/record.ts'
import type { NewSession } from '../../src/core/store.ts'
import { memory } from '../../src/stores/memory.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { FaultyStore } from '../../src/testing/faulty-store.ts'

const ID = 'AAAAAAAAAAAAAAAAAAAAAA' as SessionId
const WRITE = { operationId: 'one', maxBytes: 1_000 }

describe('FaultyStore', () => {
  it('is the store that it wraps while nothing is told', async () => {
    const { store } = await opened()
    expect(store.name).toBe('memory')
    expect(store.capabilities.shared).toBe('process')
    expect(await store.create(newSession())).toMatchObject({ outcome: 'ok' })
    expect(store.find(ID)).toMatchObject({ status: 'live' })
    expect(await store.mutate(ID, [{ kind: 'set', field: 'a', value: 1 }], WRITE)).toMatchObject({
      outcome: 'ok',
    })
    expect(await store.health()).toEqual({ ok: true })
    expect(await store.list('nobody', { limit: 1, cursor: null })).toMatchObject({ sessions: [] })
    expect(await store.sweep({ limit: 1 })).toMatchObject({ ended: [] })
    expect(await store.end(ID, { reason: 'revoked' })).toMatchObject({ outcome: 'ended' })
    await store.close()
    expect(await store.health()).toMatchObject({ ok: false })
  })

  it('has keys of its own exactly where the wrapped store has', async () => {
    const inner = memory()
    expect(new FaultyStore(inner).defaultKeys?.().description).toBe(inner.defaultKeys?.().description)
    const keyless = Object.create(inner, { defaultKeys: { value: undefined } }) as typeof inner
    expect(new FaultyStore(keyless).defaultKeys).toBeUndefined()
  })

  it('fails the method that it was told about, as often as it was told, and no other', async () => {
    const { store } = await opened()
    await store.create(newSession())
    store.fail('mutate', undefined, { times: 2 })
    const write = () => store.mutate(ID, [{ kind: 'set', field: 'a', value: 1 }], WRITE)
    await expect(write()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', retryable: true })
    expect(store.find(ID)).toMatchObject({ status: 'live', record: { data: {} } })
    await expect(write()).rejects.toMatchObject({ name: 'StoreError' })
    expect(await write()).toMatchObject({ outcome: 'ok', record: { data: { a: 1 } } })
  })

  it('fails with the error that it was given, also where the wrapped store answers at once', async () => {
    const { store } = await opened()
    const error = new Error('ECONNRESET')
    store.fail('find', error)
    await expect(store.find(ID)).rejects.toBe(error)
    store.heal('find')
    expect(store.find(ID)).toEqual({ status: 'unknown' })
  })

  it('fails everything with *, and health by its answer', async () => {
    const { store } = await opened()
    store.fail('*')
    expect(await store.health()).toMatchObject({ ok: false, error: { code: 'ERR_STORE_UNAVAILABLE' } })
    await expect(store.find(ID)).rejects.toThrow('told to fail in find')
    store.heal()
    expect(await store.health()).toEqual({ ok: true })
  })

  it('can lose the answer of an operation that was applied', async () => {
    const { store } = await opened()
    await store.create(newSession())
    store.fail('mutate', undefined, { applied: true, times: 1 })
    const write = store.mutate(ID, [{ kind: 'set', field: 'a', value: 1 }], WRITE)
    await expect(write).rejects.toMatchObject({ retryable: false })
    expect(store.find(ID)).toMatchObject({ record: { data: { a: 1 } } })
  })

  it('hangs until it is released, and only then asks the wrapped store', async () => {
    const { store, environment } = await opened()
    const release = store.hang('create')
    const created = store.create(newSession()).then((result) => result.outcome)
    await environment.settle()
    expect(store.find(ID)).toEqual({ status: 'unknown' })
    release()
    expect(await created).toBe('ok')
  })

  it('lets what hangs go on when it is healed', async () => {
    const { store } = await opened()
    store.hang('create')
    const created = store.create(newSession())
    store.heal()
    expect(await created).toMatchObject({ outcome: 'ok' })
  })

  it('is slow by the clock of the sessions, once the wrapped store has done its work', async () => {
    const { store, environment } = await opened()
    store.slow('create', 300, { times: 1 })
    let answered = false
    const created = store.create(newSession()).then(() => {
      answered = true
    })
    await environment.advanceAndSettle(299)
    expect(store.find(ID)).toMatchObject({ status: 'live' })
    expect(answered).toBe(false)
    await environment.advanceAndSettle(1)
    await created
    expect(answered).toBe(true)
  })

  it('remembers what it was asked, and which of that can change something', async () => {
    const { store } = await opened()
    store.clearCalls()
    expect(store.find(ID)).toEqual({ status: 'unknown' })
    store.fail('touch')
    await expect(store.touch([])).rejects.toThrow()
    await store.epochs('ada')
    expect(store.calls.map(({ method }) => method)).toEqual(['find', 'touch', 'epochs'])
    expect(store.calls[0]?.args).toEqual([ID])
    expect(store.writes.map(({ method }) => method)).toEqual(['touch'])
  })

  it('is idle once every call was answered', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const inner = memory()
    const environment = new FakeEnvironment()
    const slow = Object.create(inner, { endEveryone: { value: () => promise } }) as typeof inner
    const store = new FaultyStore(slow)
    const call = store.endEveryone({ reason: 'revoked' })
    let idle = false
    const waiting = store.idle().then(() => {
      idle = true
    })
    await environment.settle()
    expect(idle).toBe(false)
    resolve()
    await waiting
    await call
  })
})

async function opened() {
  const environment = new FakeEnvironment()
  const store = new FaultyStore(memory())
  await store.open({ environment, tombstoneRetention: 60_000 })
  return { store, environment }
}

function newSession(): NewSession {
  return {
    id: ID,
    secretHash: 'x'.repeat(43),
    userId: null,
    lifetime: 'anonymous',
    idleTimeout: 60_000,
    absoluteTimeout: 120_000,
    authenticated: false,
    authentication: { methods: [], level: null },
    transport: 'cookie',
    device: { userAgent: null, address: null, label: null },
    data: {},
    schemaVersion: 1,
  }
}
