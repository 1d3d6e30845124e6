import { type Confirmation, type Driver, listen, type Primary } from './driver.ts'
import { isMoving, isUnknownScript } from './failures.ts'
import { nodeRedisPrimaries } from './node-redis-line.ts'
import type { Script } from './scripts.ts'

interface EvalOptions {
  keys?: string[]
  arguments?: string[]
}

/** Commands that go to one connection together; what has no answer when that is lost fails, and is not sent to another. */
interface Batch {
  evalSha(sha: string, options?: EvalOptions): Batch
  eval(script: string, options?: EvalOptions): Batch
  wait(replicas: number, timeout: number): Batch
  execAsPipeline(): Promise<readonly unknown[]>
}

/** A client of `redis` (node-redis 5 or later), whichever of its kinds. */
export interface NodeRedisClient {
  evalSha(sha: string, options?: EvalOptions): Promise<unknown>
  eval(script: string, options?: EvalOptions): Promise<unknown>
  /** A `Batch`; its type in the package depends on what was batched before, which no interface of ours can say. */
  multi(): unknown
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
}

const CHANGES = ['ready', 'node-ready', 'topology-change']

export function isNodeRedis(client: unknown): client is NodeRedisClient {
  const methods = client as Partial<NodeRedisClient> | null | undefined
  return typeof methods?.evalSha === 'function' && typeof methods.eval === 'function'
}

export function nodeRedisDriver(client: NodeRedisClient): Driver {
  return new NodeRedisDriver(client)
}

class NodeRedisDriver implements Driver {
  readonly #client: NodeRedisClient

  constructor(client: NodeRedisClient) {
    this.#client = client
  }

  async run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const options = { keys: [...keys], arguments: [...args] }
    try {
      return await this.#client.evalSha(script.sha, options)
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return this.#client.eval(script.text, options)
    }
  }

  async runConfirmed(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    confirmation: Confirmation,
  ) {
    const options = { keys: [...keys], arguments: [...args] }
    try {
      return await pipelined(this.#batch().evalSha(script.sha, options), confirmation)
    } catch (error) {
      if (isMoving(error)) return { answer: await this.run(script, keys, args), replicas: null }
      if (!isUnknownScript(error)) throw error
    }
    return pipelined(this.#batch().eval(script.text, options), confirmation)
  }

  primaries(): readonly Primary[] {
    return nodeRedisPrimaries(this.#client)
  }

  onChange(listener: () => void): () => void {
    return listen(this.#client, CHANGES, listener)
  }

  #batch(): Batch {
    return this.#client.multi() as Batch
  }
}

async function pipelined(batch: Batch, { replicas, milliseconds }: Confirmation) {
  const [answer, count] = await batch.wait(replicas, milliseconds).execAsPipeline()
  return { answer, replicas: Number(count) }
}
