import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { modes } from '../modes/all.ts'
import type { Headers, Running, StartOptions } from '../modes/mode.ts'
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
  /** From now on calls of the store are counted; answers with those since the last time. */
  calls(): number | null
}

let running: Running | null = null
let takeCalls: (() => number) | null = null

answerQuestions<ServerCommands>(
  {
    async start(name, options) {
      const mode = modes.find((one) => one.name === name)
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
      if (!running?.store) return null
      takeCalls ??= countCalls(running.store.target, running.store.methods)
      return takeCalls()
    },
  },
  async () => {
    running?.server.closeAllConnections()
    running?.server.close()
    await running?.close?.()
  },
)
