import { type Confirmation, type Driver, listen, type Primary } from './driver.ts'
import { isMoving, isUnknownScript } from './failures.ts'
import { takeRejectionsOfAsking } from './ioredis-asking.ts'
import { ioredisPrimaries } from './ioredis-line.ts'
import type { Script } from './scripts.ts'

type Results = readonly (readonly [error: Error | null, result?: unknown])[] | null

/** A client of `ioredis` (5 or later), whichever of its kinds. */
export interface IoredisClient {
  evalsha(sha: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>
  eval(script: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>
  pipeline(commands: unknown[][]): { exec(): Promise<Results> }
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
}

const CHANGES = ['ready', 'refresh', '+node', '-node']

export function isIoredis(client: unknown): client is IoredisClient {
  const methods = client as Partial<IoredisClient> | null | undefined
  return typeof methods?.evalsha === 'function' && typeof methods.eval === 'function'
}

export function ioredisDriver(client: IoredisClient): Driver {
  return new IoredisDriver(client)
}

class IoredisDriver implements Driver {
  readonly #client: IoredisClient

  constructor(client: IoredisClient) {
    this.#client = client
    takeRejectionsOfAsking(client)
  }

  async run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    try {
      return await this.#client.evalsha(script.sha, keys.length, ...keys, ...args)
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return this.#client.eval(script.text, keys.length, ...keys, ...args)
    }
  }

  async runConfirmed(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    confirmation: Confirmation,
  ) {
    const rest = [keys.length, ...keys, ...args]
    try {
      return await this.#pipelined(['evalsha', script.sha, ...rest], confirmation)
    } catch (error) {
      if (isMoving(error)) return { answer: await this.run(script, keys, args), replicas: null }
      if (!isUnknownScript(error)) throw error
    }
    return this.#pipelined(['eval', script.text, ...rest], confirmation)
  }

  primaries(): readonly Primary[] {
    return ioredisPrimaries(this.#client)
  }

  onChange(listener: () => void): () => void {
    return listen(this.#client, CHANGES, listener)
  }

  /** One pipeline goes to one connection, and what of it has no answer yet is aborted where that connection is lost. */
  async #pipelined(command: readonly unknown[], { replicas, milliseconds }: Confirmation) {
    const commands = [[...command], ['wait', replicas, milliseconds]]
    const [first, second] = (await this.#client.pipeline(commands).exec()) ?? []
    if (!first || first[0]) throw first?.[0] ?? new Error('The pipeline has no answer.')
    return { answer: first[1], replicas: second && !second[0] ? Number(second[1]) : 0 }
  }
}
