import { chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Environment } from '../../src/core/environment.ts'
import { systemEnvironment } from '../../src/core/platform.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { FaultProxy, postgresQueries } from '../helpers/fault-proxy.ts'
import { PostgresServer, unprivilegedOwner } from '../helpers/postgres-server.ts'
import {
  ALL_LOST,
  CONNECTIONS,
  changed,
  cleanUp,
  echo,
  end,
  type Fed,
  KILL,
  openFed,
  PARTITION,
  probed,
  startFed,
  tellsAgain,
} from './postgres-feed-fixture.ts'
import { covers, Recorder } from './redis-feed-recorder.ts'

const cleanup = cleanUp()
let server: PostgresServer
let admin: pg.Pool

beforeAll(async () => {
  server = await PostgresServer.start()
  admin = new pg.Pool({ connectionString: server.url(), max: 2 })
  admin.on('error', () => {})
})

afterAll(async () => {
  await admin.end()
  await server.dispose()
})

describe.each(['pg', 'postgres'] as const)('P7 the feed of changes through %s, where', (driver) => {
  const started = (options: { environment?: Environment; feedPort?: number } = {}) =>
    startFed(cleanup, driver, { port: server.port, ...options })

  async function behindProxy(environment: Environment = systemEnvironment) {
    const proxy = await FaultProxy.start(server.port, postgresQueries)
    cleanup.push(() => proxy.close())
    return { proxy, environment, ...(await started({ environment, feedPort: proxy.port })) }
  }

  it('its connection is ended by the server, loses all, and all once more when it is up again', async () => {
    const fed = await started()
    await admin.query(KILL)
    await fed.recorder.until((told) => told.lostTimes(PARTITION) >= 2)
    expect(fed.recorder.told).toEqual([ALL_LOST, ALL_LOST])
    await tellsAgain(fed, 1)
  })

  it('changes are made while it is down, says that all is lost after them', async () => {
    const fed = await behindProxy()
    fed.proxy.refuse()
    fed.proxy.cutAll()
    await fed.recorder.until((told) => told.lostTimes(PARTITION) === 1)
    await end(fed.store, 1)
    expect(fed.recorder.take()).toEqual([ALL_LOST])
    const isEchoed = probed(fed)
    await fed.proxy.accept()
    await fed.recorder.until((told) => told.lostTimes(PARTITION) === 1)
    await end(fed.store, 2)
    await echo(fed)
    expect(fed.recorder.take()).toEqual([ALL_LOST, changed(2)])
    expect(isEchoed()).toBe(false)
  })

  it('the network swallows all and no connection ends, has no echo, and gives up after a while', async () => {
    const environment = new FakeEnvironment()
    const fed = await behindProxy(environment)
    fed.proxy.lose('answers')
    const isEchoed = probed(fed)
    environment.advance(4_999)
    await environment.settle()
    expect(fed.recorder.told).toEqual([])
    environment.advance(1)
    await fed.recorder.until((told) => told.lostTimes(PARTITION) === 1)
    fed.proxy.heal()
    while (fed.recorder.lostTimes(PARTITION) < 2) {
      environment.advance(50)
      await fed.store.health()
    }
    await tellsAgain(fed, 1)
    expect(isEchoed()).toBe(false)
  })

  it('its reader is held up, tells what was changed before the echo of a probe that was sent after it', async () => {
    const fed = await behindProxy()
    // From the second time on, a probe is one request of either driver.
    await new Promise((resolve) => fed.feed.probe(resolve))
    const echoes: number[] = []
    const probe = () => fed.feed.probe(() => echoes.push(fed.recorder.told.length))
    fed.proxy.next('hold-answer')
    const struck = fed.proxy.struck()
    probe()
    await struck
    await end(fed.store, 1)
    probe()
    await fed.proxy.release()
    await echo(fed)
    expect(fed.recorder.told).toEqual([changed(1)])
    // The first one had come to the server before the change.
    expect(echoes).toEqual([0, 1])
  })

  it('the server is killed and started again, loses all twice', async () => {
    const fed = await started()
    await server.crash()
    await fed.recorder.until((told) => told.lostTimes(PARTITION) === 1)
    await server.start()
    await tellsAgain(fed, 1)
  })

  it('the server takes no writes any more, has no echo', async () => {
    const fed = await started()
    let echoes = 0
    const probe = () => fed.feed.probe(() => echoes++)
    const reset = await setting('default_transaction_read_only', 'on')
    while (fed.recorder.lostTimes(PARTITION) === 0) {
      probe()
      await fed.store.health()
    }
    const before = echoes
    for (let i = 0; i < 20; i++) {
      probe()
      await fed.store.health()
    }
    expect(echoes).toBe(before)
    expect(fed.recorder.told).toEqual([ALL_LOST])
    await reset()
    await fed.recorder.until((told) => told.lostTimes(PARTITION) === 2)
    await persistently(() => end(fed.store, 1))
    await tellsAgain(fed, 2)
  })

  it('the server is a replica, does not open, and has no echo until that is promoted', async () => {
    const fed = await started()
    const store = await openFed(cleanup, driver, { port: server.port })
    await server.stop()
    const signal = join(server.data, 'standby.signal')
    writeFileSync(signal, '')
    const owner = unprivilegedOwner()
    if (owner) chownSync(signal, owner.uid, owner.gid)
    await server.start()
    await persistently(() => admin.query('SELECT 1'))
    await expect(persistently(() => store.changes?.(new Recorder()), isUnavailable)).rejects.toMatchObject({
      code: 'ERR_STORE_READ_ONLY',
    })
    const isEchoed = probed(fed)
    expect(fed.recorder.told).toEqual([ALL_LOST])
    await admin.query('SELECT pg_promote()')
    await fed.recorder.until((told) => told.lostTimes(PARTITION) === 2)
    expect(isEchoed()).toBe(false)
    await tellsAgain(fed, 1)
  })

  it('the server waits for a synchronous replica that is away, has no echo', async () => {
    const environment = new FakeEnvironment()
    const fed = await started({ environment })
    const reset = await setting('synchronous_standby_names', 'nobody')
    let echoes = 0
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'`
    while ((await admin.query(waiting)).rowCount === 0) fed.feed.probe(() => echoes++)
    const before = echoes
    environment.advance(5_000)
    await fed.recorder.until((told) => told.lostTimes(PARTITION) === 1)
    expect(echoes).toBe(before)
    await reset()
    while (fed.recorder.lostTimes(PARTITION) < 2) {
      environment.advance(50)
      await fed.store.health()
    }
    await tellsAgain(fed, 1)
  })

  it('anything comes in any order, tells what is changed before an echo, unless all was lost since', async () => {
    const action = fc.constantFrom(...(['end', 'end', 'end', 'probe', 'probe', 'cut', 'kill'] as const))
    const property = fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 60 }), async (actions) => {
      const fed = await behindProxy()
      expect(await missingAfter(fed, fed.proxy, actions)).toEqual([])
      await fed.store.close()
    })
    await fc.assert(property, { numRuns: 10 })
  })

  it.each<[string, (proxy: FaultProxy) => unknown]>([
    ['connects to a server that does not answer', (proxy) => proxy.lose('answers')],
    ['asks to hear of changes', (proxy) => proxy.always('hold-answer')],
  ])('the store is closed while it %s, ends all that it began', async (_, holdUp) => {
    const proxy = await FaultProxy.start(server.port, postgresQueries)
    cleanup.push(() => proxy.close())
    const timers = new CountedTimers()
    const options = { port: server.port, feedPort: proxy.port, environment: timers.environment }
    const store = await openFed(cleanup, driver, options)
    holdUp(proxy)
    const opening = store.changes?.(new Recorder())
    const refused = expect(opening).rejects.toMatchObject({ code: 'ERR_STORE_CLOSED' })
    await timers.begun()
    await store.close()
    await refused
    expect(timers.count).toBe(0)
    await proxy.release()
    await noConnections()
  })

  it('it is closed between two attempts, with a probe under way, or twice, ends all that it began', async () => {
    const timers = new CountedTimers()
    const between = await behindProxy(timers.environment)
    between.proxy.refuse()
    between.proxy.cutAll()
    await between.recorder.until((told) => told.lostTimes(PARTITION) === 1)
    await between.feed.close()
    await between.store.close()
    const probing = await started({ environment: timers.environment })
    probing.feed.probe(() => {})
    await probing.feed.close()
    await probing.feed.close()
    probing.feed.probe(() => {})
    await probing.store.close()
    expect(timers.count).toBe(0)
    expect(probing.recorder.told).toEqual([])
    await noConnections()
  })

  it('it was closed, opens again', async () => {
    const fed = await started()
    await fed.feed.close()
    const again = new Recorder()
    const feed = await fed.store.changes?.(again)
    await end(fed.store, 1)
    if (feed) await echo({ ...fed, feed })
    expect(again.told).toEqual([ALL_LOST, changed(1)])
    expect(fed.recorder.told).toEqual([])
  })
})

type Action = 'end' | 'probe' | 'cut' | 'kill'

/** Begins all of these without waiting for any; answers what was changed before a probe and not told by its echo. */
async function missingAfter(fed: Fed, proxy: FaultProxy, actions: readonly Action[]): Promise<number[]> {
  const { store, feed, recorder } = fed
  const ended: { readonly n: number; readonly from: number }[] = []
  const missing: number[] = []
  const isTold = (n: number) => recorder.hasTold(changed(n).id)
  const probe = () => {
    const before = [...ended]
    feed.probe((partitions) => {
      const wasLost = (from: number) => recorder.told.slice(from).some(({ kind }) => kind === 'lost')
      const late = before.filter(
        ({ n, from }) => covers(partitions, PARTITION) && !isTold(n) && !wasLost(from),
      )
      missing.push(...late.map(({ n }) => n))
    })
  }
  const does: Readonly<Record<Action, (n: number) => unknown>> = {
    end: async (n) => {
      const from = recorder.told.length
      await end(store, n)
      ended.push({ n, from })
      probe()
    },
    probe,
    cut: () => proxy.cutAll(),
    kill: () => admin.query(KILL),
  }
  const work: unknown[] = []
  for (const [n, action] of actions.entries()) {
    work.push(does[action](n))
    if (n % 7 === 0) await store.health()
  }
  await Promise.all(work)
  await echo(fed)
  return missing
}

/** Counts the timers that are neither cancelled nor over. */
class CountedTimers {
  count = 0
  readonly #begun = Promise.withResolvers<void>()
  readonly environment: Environment = {
    ...systemEnvironment,
    setTimer: (delay, callback) => {
      this.count++
      this.#begun.resolve()
      const over = once(() => this.count--)
      const cancel = systemEnvironment.setTimer(delay, () => {
        over()
        callback()
      })
      return () => {
        over()
        cancel()
      }
    },
  }

  begun(): Promise<void> {
    return this.#begun.promise
  }
}

function once(work: () => unknown): () => void {
  let isDone = false
  return () => {
    if (!isDone) work()
    isDone = true
  }
}

/** Changes a setting of the server; answers what takes that back, which the end of the test does otherwise. */
async function setting(name: string, value: string): Promise<() => Promise<void>> {
  const reset = async () => {
    await admin.query(`ALTER SYSTEM RESET ${name}`)
    await admin.query('SELECT pg_reload_conf()')
  }
  cleanup.push(reset)
  await admin.query(`ALTER SYSTEM SET ${name} = '${value}'`)
  await admin.query('SELECT pg_reload_conf()')
  return reset
}

/** Waits until the server has no connection of a feed. */
async function noConnections(): Promise<void> {
  while ((await admin.query(CONNECTIONS)).rowCount !== 0);
}

/** Tries until it works, or fails otherwise than `isPassing`. */
async function persistently<T>(
  work: () => Promise<T> | undefined,
  isPassing: (error: unknown) => boolean = () => true,
): Promise<T | undefined> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isPassing(error)) throw error
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ERR_STORE_UNAVAILABLE'
}
