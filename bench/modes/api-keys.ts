import { createServer } from 'node:http'
import { memory } from 'coatcheck/memory'
import { requireApiKey } from 'coatcheck/node'
import { createApiKeys } from 'coatcheck/tokens'
import { answer, FIELDS, USER } from '../fixture.ts'
import { STORE_METHODS } from './coatcheck.ts'
import { type Mode, sessionsOf } from './mode.ts'

const FULL = 10_000

/** Requests with an API key that is in the near cache. */
export const apiKeyModes: readonly Mode[] = (['x-api-key', 'authorization'] as const).map((header) => ({
  name: `coatcheck, API key in ${header}, near cache of ${FULL.toLocaleString('en')}, memory`,
  kind: 'ours',
  framework: 'node:http',
  async start(options) {
    const count = sessionsOf(FULL, options)
    const store = memory({ maxSessions: 2 * count })
    const nearCache = { maxSessions: count }
    const apiKeys = createApiKeys({ store, prefix: 'bench', nearCache, sweepInterval: false })
    const texts: string[] = []
    for (let i = 0; i < count; i++) {
      const { text } = await apiKeys.create({ owner: USER, name: FIELDS.theme, scopes: ['orders:read'] })
      // Into the cache, which is asked for a key before it has it.
      await apiKeys.verify(text)
      if (i < options.sample) texts.push(text)
    }
    const guard = requireApiKey(apiKeys, { scopes: ['orders:read'], onError: () => {} })
    return {
      server: createServer((request, response) => {
        void guard(request, response, (key) => {
          const body = answer(key.owner, key.name ?? undefined)
          response.setHeader('content-type', 'text/plain')
          response.end(body)
        })
      }),
      requests: texts.map((text) => ({ [header]: header === 'x-api-key' ? text : `Bearer ${text}` })),
      store: { target: store, methods: STORE_METHODS },
      close: () => apiKeys.close(),
    }
  },
}))
