import { ConfigError } from '../../core/errors.ts'
import type { Driver } from './driver.ts'
import { type IoredisClient, ioredisDriver, isIoredis } from './ioredis-driver.ts'
import { isNodeRedis, type NodeRedisClient, nodeRedisDriver } from './node-redis-driver.ts'

/** What `redis()` takes: a client of `redis` (node-redis) or `ioredis`. */
export type RedisClient = NodeRedisClient | IoredisClient

/** The driver of this client. Throws a `ConfigError` for anything that is no client of either package. */
export function driverOf(client: unknown): Driver {
  if (isNodeRedis(client)) return nodeRedisDriver(client)
  if (isIoredis(client)) return ioredisDriver(client)
  throw new ConfigError(
    'ERR_OPTION',
    'redis() needs a client of redis (createClient, createCluster, createSentinel, createClientPool) or of ioredis (new Redis, new Cluster).',
  )
}
