import { describe, expect, it } from 'vitest'
import type { ApiKeyVerifier } from '../../src/core/api-key.ts'
import {
  type ApiKeyGuardOptions,
  FOR_KEYS,
  markForKey,
  resolveApiKeyGuard,
} from '../../src/http/api-key-guard.ts'
import { toProblem } from '../../src/http/problem.ts'
import { FakeExchange, FakeResponse } from '../helpers/fake-exchange.ts'
import { make } from '../tokens/api-keys/key-cases.ts'
import { createKeyNode, type KeyNodeOptions } from '../tokens/api-keys/key-nodes.ts'

describe('the guard of routes for keys', () => {
  it.each<[string, unknown, object]>([
    ['no keys', undefined, {}],
    ['something else', {}, {}],
    ['an unknown option', 'keys', { scope: 'orders:read' }],
    ['scopes that are no list', 'keys', { scopes: 'orders:read' }],
    ['a scope with a quote, which would break out of the header', 'keys', { scopes: ['a"b'] }],
    ['a scope with a line break', 'keys', { scopes: ['a\r\nset-cookie: x'] }],
  ])('refuses %s at construction', (_, keys, options) => {
    const apiKeys = keys === 'keys' ? createKeyNode().apiKeys : (keys as ApiKeyVerifier)
    expect(() => resolveApiKeyGuard(apiKeys, options as ApiKeyGuardOptions)).toThrow(/requireApiKey/)
  })

  it('answers at once where the key is in the near cache, and shows it by the request', async () => {
    const { apiKeys, exchange, text } = await shop({ nearCache: true })
    for (let i = 0; i < 2; i++) await apiKeys.verify(text)
    const key = resolveApiKeyGuard(apiKeys)(exchange)
    if (key instanceof Promise) throw new Error('a promise')
    const [request, frozen] = [{}, Object.freeze({})]
    for (const carrier of [request, frozen]) {
      expect(() => apiKeys.of(carrier)).toThrow('requireApiKey')
      apiKeys.attach(carrier, key)
      expect(apiKeys.of(carrier)).toBe(key)
    }
    expect(JSON.stringify(request)).toBe('{}')
  })

  it('AUD-05 answers all that is not valid with the same bytes, whatever the reason', async () => {
    const { apiKeys, environment, text, key } = await shop({ networks: ['10.0.0.0/8'] })
    const check = resolveApiKeyGuard(apiKeys)
    const refused = async (header: string) => {
      const exchange = new FakeExchange({ headers: { 'x-api-key': header } })
      const error = await Promise.resolve()
        .then(() => check(exchange))
        .catch((failure: unknown) => failure)
      return JSON.stringify(toProblem(error, FOR_KEYS))
    }
    const answers = [await refused('x'), await refused(text), await refused(`${text}x`)]
    await apiKeys.rotate(key.id, { overlap: 1 })
    environment.advance(1)
    answers.push(await refused(text), await refused(text))
    expect(new Set(answers).size).toBe(1)
    expect(JSON.parse(answers[0] ?? '')).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer error="invalid_token"', 'cache-control': 'no-store' },
    })
  })

  it('TRN-03 uses the key in the header, and reports the one in the URL', async () => {
    const { apiKeys, events, text } = await shop()
    const exchange = new FakeExchange({ url: `/orders?key=${text}`, headers: { 'x-api-key': text } })
    expect(await resolveApiKeyGuard(apiKeys)(exchange)).toMatchObject({ owner: 'ada' })
    expect(events.names).toContain('token-in-url')
    events.assertNoTokens([text])
  })

  it('TRN-01 takes a key over plain HTTP where that was asked for', async () => {
    const { apiKeys, text } = await shop({ unsafeAllowHttp: true })
    const plain = { headers: { 'x-api-key': text }, connection: { encrypted: false } }
    expect(await resolveApiKeyGuard(apiKeys)(new FakeExchange(plain))).toMatchObject({ owner: 'ada' })
  })

  it('AUD-03 says in events from where, as far as may be kept', async () => {
    const { apiKeys, events, exchange } = await shop()
    const check = resolveApiKeyGuard(apiKeys, { scopes: ['none'] })
    await expect((async () => check(exchange))()).rejects.toMatchObject({ code: 'ERR_SCOPE', status: 403 })
    expect(events.of('token-refused')[0]?.context).toMatchObject({ address: '203.0.113.0/24' })
  })

  it('TRN-06 marks responses as personal, unless the application knows better', () => {
    const [own, other] = [new FakeResponse(), new FakeResponse()]
    own.set('cache-control', 'max-age=5')
    own.set('vary', 'Accept')
    for (const response of [own, other]) markForKey(response)
    expect([own.get('cache-control'), own.get('vary')]).toEqual([
      'max-age=5',
      'Accept, authorization, x-api-key',
    ])
    expect([other.get('cache-control'), other.get('vary')]).toEqual(['private', 'authorization, x-api-key'])
  })
})

async function shop({ networks = [], ...options }: KeyNodeOptions & { readonly networks?: string[] } = {}) {
  const node = createKeyNode(options)
  const { text, key } = await make(node.apiKeys, { networks })
  return { ...node, text, key, exchange: new FakeExchange({ headers: { 'x-api-key': text } }) }
}
