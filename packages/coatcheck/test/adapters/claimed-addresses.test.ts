import { createAdaptorServer } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { describe, expect, it } from 'vitest'
import { requireApiKey as expressGuard } from '../../src/adapters/express.ts'
import { requireApiKey as fastifyGuard } from '../../src/adapters/fastify.ts'
import { requireApiKey as honoGuard } from '../../src/adapters/hono.ts'
import { requireApiKey as koaGuard } from '../../src/adapters/koa.ts'
import { requireApiKey as nodeGuard } from '../../src/adapters/node.ts'
import type { ServedOrigin } from '../../src/store-testing/exchanges/harness.ts'
import type { ApiKeys } from '../../src/tokens/index.ts'
import { make, reason } from '../tokens/api-keys/key-cases.ts'
import { createKeyNode } from '../tokens/api-keys/key-nodes.ts'
import { listen, serve } from './harness/serve.ts'

const LOOPBACK = ['127.0.0.1']

/** Applications that trust the proxy on this machine, by the means of each framework. */
const APPS: Readonly<Record<string, (apiKeys: ApiKeys) => Promise<ServedOrigin>>> = {
  'node:http'(apiKeys) {
    const guard = nodeGuard(apiKeys, { trustProxy: LOOPBACK })
    return serve((request, response) => void guard(request, response, () => response.end()))
  },
  express: (apiKeys) =>
    serve(
      express()
        .set('env', 'test')
        .set('trust proxy', 'loopback')
        .get('/', expressGuard(apiKeys), (_, response) => response.end()),
    ),
  async fastify(apiKeys) {
    const app = Fastify({ trustProxy: 'loopback' })
    app.get('/', { onRequest: fastifyGuard(apiKeys) }, async () => '')
    const origin = await app.listen({ host: '127.0.0.1', port: 0 })
    return { origin, close: () => app.close() }
  },
  hono(apiKeys) {
    const app = new Hono().use(honoGuard(apiKeys, { trustProxy: LOOPBACK }))
    return listen(createAdaptorServer({ fetch: app.get('/', (c) => c.text('')).fetch }))
  },
  koa(apiKeys) {
    const app = new Koa({ proxy: true })
    app.silent = true
    app.use(koaGuard(apiKeys)).use((context) => {
      context.body = ''
    })
    return serve(app.callback())
  },
}

describe.each(Object.entries(APPS))('behind a proxy that %s trusts', (_, start) => {
  it('API-03 TRN-05 a key is good from the address that the proxy has seen, not from one that its client made up', async () => {
    const { apiKeys } = createKeyNode()
    const { origin, close } = await start(apiKeys)
    const [seen, claimed] = [
      await make(apiKeys, { networks: ['203.0.113.0/24'] }),
      await make(apiKeys, { networks: ['10.0.0.0/8'] }),
    ]
    const statusOf = (text: string, forwarded: string) => present(origin, text, forwarded)
    expect(await statusOf(seen.text, '10.0.0.1, 203.0.113.7')).toBe(200)
    expect(await statusOf(claimed.text, '10.0.0.1, 203.0.113.7')).toBe(401)
    expect(await statusOf(claimed.text, '127.0.0.1, 10.0.0.1, 203.0.113.7')).toBe(401)
    await close()
  })

  it('API-06 guesses count for the address that the proxy has seen, whatever their client makes up', async () => {
    const { apiKeys } = createKeyNode()
    const { origin, close } = await start(apiKeys)
    for (let i = 0; i < 20; i++) {
      expect(await present(origin, 'shop_guess', `198.51.100.${i}, 203.0.113.7`)).toBe(401)
    }
    expect(await reason(apiKeys, 'shop_guess', { address: '203.0.113.7' })).toBe('rate-limited')
    await close()
  })
})

async function present(origin: string, text: string, forwarded: string): Promise<number> {
  const headers = { 'x-api-key': text, 'x-forwarded-for': forwarded, 'x-forwarded-proto': 'https' }
  return (await fetch(origin, { headers })).status
}
