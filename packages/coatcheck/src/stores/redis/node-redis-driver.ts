import type { Driver } from './driver.ts'
import { isUnknownScript } from './failures.ts'

interface EvalOptions {
  keys?: string[]
  arguments?: string[]
}

/** A client of `redis` (node-redis 5 or later), whichever of its kinds. */
export interface NodeRedisClient {
  evalSha(sha: string, options?: EvalOptions): Promise<unknown>
  eval(script: string, options?: EvalOptions): Promise<unknown>
}

export function isNodeRedis(client: unknown): client is NodeRedisClient {
  const methods = client as Partial<NodeRedisClient> | null | undefined
  return typeof methods?.evalSha === 'function' && typeof methods.eval === 'function'
}

export function nodeRedisDriver(client: NodeRedisClient): Driver {
  return {
    async run(script, keys, args) {
      const options = { keys: [...keys], arguments: [...args] }
      try {
        return await client.evalSha(script.sha, options)
      } catch (error) {
        if (!isUnknownScript(error)) throw error
        return client.eval(script.text, options)
      }
    },
  }
}
