import type { Driver } from './driver.ts'
import { isUnknownScript } from './failures.ts'

/** A client of `ioredis` (5 or later), whichever of its kinds. */
export interface IoredisClient {
  evalsha(sha: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>
  eval(script: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>
}

export function isIoredis(client: unknown): client is IoredisClient {
  const methods = client as Partial<IoredisClient> | null | undefined
  return typeof methods?.evalsha === 'function' && typeof methods.eval === 'function'
}

export function ioredisDriver(client: IoredisClient): Driver {
  return {
    async run(script, keys, args) {
      try {
        return await client.evalsha(script.sha, keys.length, ...keys, ...args)
      } catch (error) {
        if (!isUnknownScript(error)) throw error
        return client.eval(script.text, keys.length, ...keys, ...args)
      }
    },
  }
}
