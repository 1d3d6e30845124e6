import { redis } from 'coatcheck/redis'
import { Cluster, Redis } from 'ioredis'
import { createClient, createClientPool, createCluster, createSentinel } from 'redis'

// Every kind of client of both packages is taken as it is, without a cast.
redis(createClient({ url: 'redis://127.0.0.1' }))
redis(createClient({ RESP: 2 }))
redis(createClientPool())
redis(createCluster({ rootNodes: [] }))
redis(createSentinel({ name: 'main', sentinelRootNodes: [] }), { prefix: 'shop:' })
redis(new Redis())
redis(new Cluster([]))

// @ts-expect-error an address is no client
redis('redis://127.0.0.1')
// @ts-expect-error nor is an object with other methods
redis({ get: async (key: string) => key })
// @ts-expect-error options are known by name
redis(new Redis(), { keyPrefix: 'shop:' })
