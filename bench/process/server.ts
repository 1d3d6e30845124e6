import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { allModes } from '../modes/all.ts'
import type { Counted, Headers, Running, StartOptions } from '../modes/mode.ts'
import { answerQuestions } from './child.ts'
import { countCalls } from './count-calls.ts'

/** A process that is the server of one mode. */
export interface ServerCommands {
  start(
    mode: string,
    options: StartOptions,
  ): Promise<{ readonly url: string; readonly requests: readonly Headers[] }>
  /** Microseconds of CPU that this process, all its threads, has used since it started. */
  cpu(): number
  /** From now on calls of the store, and of its client, are counted; answers with those since the last time. */
  calls(): Calls
}

/** `null` where there is nothing to call. */
export interface Calls {
  readonly store: number | null
  readonly client: number | null
}

let running: Running | null = null
let take: (() => Calls) | null = null

function countedOf({ store, client }: Running): () => Calls {
  const counter = (counted: Counted | undefined) => counted && countCalls(counted.target, counted.methods)
  const takeStore = counter(store)
  const takeClient = counter(client)
  return () => ({ store: takeStore?.() ?? null, client: takeClient?.() ?? null })
}

answerQuestions<ServerCommands>(
  {
    async start(name, options) {
      const mode = allModes.find((one) => one.name === name)
      if (!mode) throw new Error(`There is no mode '${name}'.`)
      running = await mode.start(options)
      running.server.listen(0, '127.0.0.1')
      await once(running.server, 'listening')
      const { port } = running.server.address() as AddressInfo
      return { url: `http://127.0.0.1:${port}/`, requests: running.requests }
    },
    cpu() {
      const { user, system } = process.cpuUsage()
      return user + system
    },
    calls() {
      if (!running) throw new Error('No server has been started.')
      take ??= countedOf(running)
      return take()
    },
  },
  async () => {
    running?.server.closeAllConnections()
    running?.server.close()
    await running?.close?.()
  },
)
