import { describe, expect, it } from 'vitest'
import { toApiKeyText } from '../../../src/core/api-key-text.ts'
import type { SessionStore } from '../../../src/core/store.ts'
import { newSecret, newSessionId } from '../../../src/core/token.ts'
import { memory } from '../../../src/stores/memory.ts'
import { assertNoTokens } from '../../../src/testing/token-leaks.ts'
import { createNode, DAY, login, MINUTE, sessionOf, validate } from '../../helpers/nodes.ts'
import { make, reason } from './key-cases.ts'
import { createKeyNode, type KeyNode } from './key-nodes.ts'

describe('verifying an API key', () => {
  it('API-02 refuses a key with any one character changed, without asking the store', async () => {
    const { apiKeys, store } = createKeyNode({ guessLimit: { count: 10_000, per: 1 } })
    const { text } = await make(apiKeys)
    store.clearCalls()
    for (let at = 0; at < text.length; at++) {
      const changed = text.slice(0, at) + (text[at] === 'a' ? 'b' : 'a') + text.slice(at + 1)
      expect(await reason(apiKeys, changed, { address: '198.51.100.9' })).toBe('malformed')
    }
    expect(store.calls).toEqual([])
  })

  it.each<[string, unknown]>([
    ['nothing', ''],
    ['no text', { toString: () => 'shop_' }],
    ['a list', ['shop_']],
    ['a million characters', `shop_${'a'.repeat(1_000_000)}`],
    ['a key of another prefix', `store_${'a'.repeat(22)}_${'a'.repeat(39)}`],
    ['what looks like a key', `shop_${'a'.repeat(22)}_${'a'.repeat(39)}`],
    ['NUL', `shop_${'\0'.repeat(22)}_${'a'.repeat(39)}`],
    ['__proto__', '__proto__'],
  ])('TOK-07 refuses %s without asking the store', async (_, text) => {
    const { apiKeys, store } = createKeyNode()
    await apiKeys.open()
    store.clearCalls()
    expect(await reason(apiKeys, text)).toBe('malformed')
    expect(store.calls).toEqual([])
  })

  it('refuses a well-formed key of nobody, and another secret for a key there is', async () => {
    const { apiKeys, environment } = createKeyNode()
    const { key } = await make(apiKeys)
    const unknown = toApiKeyText('shop', newSessionId(environment, 'ada'), newSecret(environment))
    expect(await reason(apiKeys, unknown)).toBe('unknown')
    expect(await reason(apiKeys, toApiKeyText('shop', key.id, newSecret(environment)))).toBe('unknown')
  })

  it('answers at once from the near cache, with the same frozen key, and asks the store no more', async () => {
    const { apiKeys, store } = createKeyNode({ nearCache: true })
    const { text } = await make(apiKeys, { scopes: ['a'] })
    for (let i = 0; i < 2; i++) await apiKeys.verify(text)
    store.clearCalls()
    const verdicts = [apiKeys.verify(text), apiKeys.verify(text, { scopes: ['a'] })]
    const [one, two] = verdicts.map((verdict) => ('ok' in verdict && verdict.ok ? verdict.key : null))
    expect(one).toBe(two)
    expect(Object.isFrozen(one) && Object.isFrozen(one?.scopes)).toBe(true)
    expect(store.calls).toEqual([])
    expect(apiKeys.verify(text, { scopes: ['b'] })).toMatchObject({ ok: false, reason: 'scope' })
  })

  it('records one use per interval, however often it is used, with and without a near cache', async () => {
    for (const nearCache of [true, false]) {
      const { apiKeys, store, environment } = createKeyNode({ nearCache })
      const { text } = await make(apiKeys)
      environment.advance(2 * MINUTE)
      for (let i = 0; i < 100; i++) await apiKeys.verify(text)
      await apiKeys.flush()
      for (let i = 0; i < 100; i++) await apiKeys.verify(text)
      await apiKeys.flush()
      expect(store.calls.filter(({ method }) => method === 'touch')).toHaveLength(1)
    }
  })

  it('reads a key again after a day, however often it is used', async () => {
    const { apiKeys, store, environment } = createKeyNode({ nearCache: true })
    const { text } = await make(apiKeys)
    for (let i = 0; i < 2; i++) await apiKeys.verify(text)
    environment.advance(DAY - MINUTE)
    for (let i = 0; i < 2; i++) await apiKeys.verify(text)
    store.clearCalls()
    environment.advance(MINUTE)
    await apiKeys.verify(text)
    expect(store.calls.map(({ method }) => method)).toContain('find')
  })

  it('P1 an overlap that is over stays over when the clock is set back', async () => {
    const { apiKeys, environment } = createKeyNode()
    const { text, key } = await make(apiKeys)
    await apiKeys.rotate(key.id, { overlap: '1h' })
    environment.advance(60 * MINUTE)
    expect(await reason(apiKeys, text)).toBe('expired')
    environment.stepWallClock(-2 * DAY)
    expect(await reason(apiKeys, text)).toBe('ended')
    expect(await apiKeys.find(key.id)).toBeNull()
  })

  it('P10 fails closed where the store does, and says so', async () => {
    const { apiKeys, store, events } = createKeyNode()
    const { text } = await make(apiKeys)
    store.fail('find', new Error('ECONNRESET'))
    await expect((async () => apiKeys.verify(text))()).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    })
    expect(events.names).toContain('store-failed')
  })

  it('is of no use once the keys are closed', async () => {
    const { apiKeys } = createKeyNode()
    const { text } = await make(apiKeys)
    await apiKeys.close()
    await expect((async () => apiKeys.verify(text))()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })
})

describe('TOK-06 kinds of token', () => {
  it('are never taken for each other, not even over one store', async () => {
    const store = memory()
    const keys = createKeyNode({ store })
    const sessions = createNode({ store, environment: keys.environment })
    const { token, session } = await login(sessions, 'ada', { transport: 'bearer' })
    const { text, key } = await make(keys.apiKeys)
    expect(await reason(keys.apiKeys, token)).toBe('malformed')
    expect(await validate(sessions, text, { transport: 'bearer' })).toMatchObject({ reason: 'malformed' })
    expect((await sessionOf(sessions, token, { transport: 'bearer' })).record.userId).toBe('ada')
    expect((await keys.apiKeys.list('ada')).keys.map(({ id }) => id)).toEqual([key.id])
    expect(await keys.apiKeys.find(session.record.id)).toBeNull()
    expect(await keys.apiKeys.rotate(session.record.id)).toBeNull()
  })

  it('a session’s secret is none for a key with the session’s id', async () => {
    const store = memory()
    const keys = createKeyNode({ store })
    const sessions = createNode({ store, environment: keys.environment })
    const { session } = await login(sessions, 'ada')
    const forged = toApiKeyText('shop', session.record.id, session.secret)
    expect(await reason(keys.apiKeys, forged)).toBe('unknown')
  })

  it('keys of two prefixes over one store are two kinds', async () => {
    const store: SessionStore = memory()
    const shop = createKeyNode({ store })
    const live = createKeyNode({ store, environment: shop.environment, prefix: 'shop_live' })
    const { text, key } = await make(shop.apiKeys)
    expect(await reason(live.apiKeys, text)).toBe('malformed')
    const again = toApiKeyText('shop_live', key.id, newSecret(shop.environment))
    expect(await reason(live.apiKeys, again)).toBe('unknown')
    expect((await live.apiKeys.list('ada')).keys).toEqual([])
    expect(await live.apiKeys.find(key.id)).toBeNull()
  })
})

describe('AUD-01 what is told of keys', () => {
  it('holds neither a key nor a guess nor a secret', async () => {
    const { apiKeys, events, environment, errors } = createKeyNode({ nearCache: true })
    const created = await make(apiKeys, { scopes: ['a'], networks: ['10.0.0.0/8'] })
    const { text, key } = created
    const guess = toApiKeyText('shop', key.id, newSecret(environment))
    const rotated = await apiKeys.rotate(key.id)
    const verdicts = [
      await apiKeys.verify(text, { address: '10.1.1.1', scopes: ['b'] }),
      await apiKeys.verify(text, { address: '11.1.1.1' }),
      await apiKeys.verify(guess, { address: '11.1.1.1' }),
    ]
    for (let i = 0; i < 30; i++) await apiKeys.verify(guess, { address: '11.1.1.1' })
    await apiKeys.revoke(key.id)
    const shown = [events.all, errors, verdicts, await apiKeys.list('ada'), apiKeys.metrics(), apiKeys, key]
    assertNoTokens(shown, [text, guess, rotated?.text ?? ''])
    expect(events.names).toEqual([
      'created',
      'created',
      'key-rotated',
      'token-refused',
      'token-refused',
      'keys-guessed',
      'ended',
    ])
    expect(
      events.of('token-refused').map(({ reason, sessionId, userId }) => [reason, sessionId, userId]),
    ).toEqual([
      ['scope', key.id, 'ada'],
      ['network', key.id, 'ada'],
    ])
  })

  it('P11 a key over plain HTTP is a choice that is reported once', async () => {
    const node: KeyNode = createKeyNode({ unsafeAllowHttp: true })
    await node.apiKeys.open()
    expect(node.events.of('unsafe-option').map(({ option }) => option)).toEqual(['unsafeAllowHttp'])
    expect(createKeyNode().apiKeys.allowsHttp).toBe(false)
  })
})
