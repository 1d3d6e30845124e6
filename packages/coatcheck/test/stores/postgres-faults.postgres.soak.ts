import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as passed } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { systemEnvironment } from '../../src/core/platform.ts'
import type { SessionId } from '../../src/core/record.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { Random } from '../../src/store-testing/model/random.ts'
import { postgres } from '../../src/stores/postgres.ts'
import { FaultProxy, postgresQueries } from '../helpers/fault-proxy.ts'
import { PostgresServer } from '../helpers/postgres-server.ts'
import { openClient } from './postgres-harness.ts'
import { type Entry, faultsIn, type Remains } from './write-history.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 1)
const SECONDS = Number(process.env.COATCHECK_SOAK_SECONDS ?? 600)
const CHILD = fileURLToPath(new URL('postgres-load-child.ts', import.meta.url))

it(`P1 P2 P3 four nodes, ${SECONDS} seconds of cut connections, killed nodes and a killed server: nothing lost, nobody back`, async () => {
  console.log(`faults for ${SECONDS} s, COATCHECK_SEED=${SEED}`)
  const server = await PostgresServer.start()
  try {
    await runLoad(server)
  } finally {
    await server.dispose()
  }
})

async function runLoad(server: PostgresServer): Promise<void> {
  const { client, end } = openClient('pg', server.url())
  const store = postgres(client)
  await store.open({ environment: systemEnvironment, tombstoneRetention: 86_400_000 })
  const fleet = await Promise.all([0, 1, 2, 3].map((n) => FleetNode.start(server.port, n)))
  const faults = await disturb(server, fleet)
  const history = (await Promise.all(fleet.map((node) => node.finish()))).flat()
  const remains = await remainsOf(store, history)
  console.log(`${history.length} calls: ${counted(history)}; ${faults}`)
  await store.close()
  await end()
  expect(faultsIn(history, remains).slice(0, 10)).toEqual([])
  expect(history.filter(({ outcome }) => outcome === 'ok').length).toBeGreaterThan(SECONDS * 20)
  expect(history.some(({ outcome }) => outcome === 'unknown')).toBe(true)
}

/** One process of the fleet, whose connections pass a proxy; killed, it comes back under another number. */
class FleetNode {
  readonly proxy: FaultProxy
  readonly #number: number
  readonly #history: Entry[] = []
  readonly #ends = process.hrtime.bigint() + BigInt(SECONDS) * 1_000_000_000n
  #child: ChildProcess | null = null
  #said: Promise<unknown> = Promise.resolve()
  #starts = 0

  private constructor(proxy: FaultProxy, number: number) {
    this.proxy = proxy
    this.#number = number
  }

  static async start(port: number, number: number): Promise<FleetNode> {
    const node = new FleetNode(await FaultProxy.start(port, postgresQueries), number)
    node.#spawn()
    return node
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#said
    this.#spawn()
  }

  async finish(): Promise<readonly Entry[]> {
    this.proxy.next()
    await this.#said
    await this.proxy.close()
    return this.#history
  }

  #spawn(): void {
    const driver = this.#number % 2 ? 'postgres' : 'pg'
    const url = `postgres://postgres@127.0.0.1:${this.proxy.port}/postgres`
    const seconds = Math.max(1, Number((this.#ends - process.hrtime.bigint()) / 1_000_000_000n))
    const number = this.#number + 4 * this.#starts++
    const args = [driver, url, String(number), String(SEED + number), String(seconds)]
    const child = spawn(process.execPath, ['--conditions=coatcheck-source', CHILD, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (!child.stdout) throw new Error('A node must have an output.')
    const lines = createInterface({ input: child.stdout })
    // A node that is killed in the middle of a line has not said it.
    lines.on('line', (line) => {
      if (line.endsWith('}')) this.#history.push(JSON.parse(line) as Entry)
    })
    this.#child = child
    this.#said = Promise.all([once(child, 'exit'), once(lines, 'close')])
  }
}

/** Cuts, kills and crashes until the time is up; tells how many. */
async function disturb(server: PostgresServer, fleet: readonly FleetNode[]): Promise<string> {
  const random = new Random(SEED)
  const until = process.hrtime.bigint() + BigInt(SECONDS) * 1_000_000_000n
  const counts = { cut: 0, kill: 0, crash: 0 }
  while (process.hrtime.bigint() < until) {
    await passed(150 + random.below(300))
    const node = fleet[random.below(fleet.length)]
    const fault = random.weighted({ cut: 60, kill: 3, crash: 2 })
    counts[fault]++
    if (fault === 'cut') node?.proxy.next(random.pick(['cut-request', 'cut-answer'] as const))
    if (fault === 'kill') await node?.kill()
    if (fault === 'crash') {
      await server.crash()
      await server.start()
    }
  }
  return `${counts.cut} cuts, ${counts.kill} nodes killed, ${counts.crash} crashes of the server`
}

async function remainsOf(
  store: SessionStore,
  history: readonly Entry[],
): Promise<ReadonlyMap<string, Remains>> {
  const remains = new Map<string, Remains>()
  const ids = history.flatMap(({ kind, id, value }) => {
    if (kind === 'create') return [id]
    return kind === 'replace' && value ? [value] : []
  })
  // Also what a killed node did not live to tell: a set that grows is walked to its end.
  const known = new Set(ids)
  for (const id of known) {
    const found = await store.find(id as SessionId)
    remains.set(id, {
      status: found.status,
      list: found.status === 'live' ? ((found.record.data.list ?? []) as readonly string[]) : [],
      replacedBy: found.status === 'ended' ? found.tombstone.replacedBy : null,
    })
    const next = remains.get(id)?.replacedBy
    if (next) known.add(next)
  }
  return remains
}

function counted(history: readonly Entry[]): string {
  const counts = new Map<string, number>()
  for (const { kind, outcome } of history) {
    const key = `${kind} ${outcome}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return [...counts].map(([key, count]) => `${count} ${key}`).join(', ')
}
