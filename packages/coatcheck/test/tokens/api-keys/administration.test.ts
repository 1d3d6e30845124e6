import { describe, expect, it } from 'vitest'
import type { SessionStore } from '../../../src/core/store.ts'
import { memory } from '../../../src/stores/memory.ts'
import { type ApiKeysOptions, createApiKeys } from '../../../src/tokens/index.ts'
import { createNode, DAY, HOUR, login, validate } from '../../helpers/nodes.ts'
import { make, reason } from './key-cases.ts'
import { createKeyNode } from './key-nodes.ts'

describe('making keys', () => {
  it('API-03 needs an owner, and takes name, scopes, networks and a life', async () => {
    const { apiKeys } = createKeyNode()
    const { key } = await make(apiKeys, {
      name: 'Reports',
      scopes: ['orders:read', 'orders:read', 'urn:x/y'],
      networks: ['10.0.0.0/8', '2001:db8::1'],
      expiresIn: '90d',
    })
    expect(key).toMatchObject({
      owner: 'ada',
      name: 'Reports',
      scopes: ['orders:read', 'urn:x/y'],
      networks: ['10.0.0.0/8', '2001:db8::1'],
      expiresAt: key.createdAt + 90 * DAY,
      lastUsedAt: null,
      replacedBy: null,
    })
  })

  it.each<[string, object]>([
    ['no owner', { owner: '' }],
    ['an owner that is no text', { owner: 7 }],
    ['an owner of the library’s own', { owner: '\u0001ada' }],
    ['an owner that is too long', { owner: 'a'.repeat(257) }],
    ['an empty name', { name: '' }],
    ['a scope with a blank', { scopes: ['orders read'] }],
    ['a scope with a quote', { scopes: ['a"b'] }],
    ['a scope that is no text', { scopes: [null] }],
    ['one scope that is not in a list', { scopes: 'orders:read' }],
    ['a hundred and one scopes', { scopes: Array.from({ length: 101 }, (_, i) => `s${i}`) }],
    ['a host name for a network', { networks: ['shop.example'] }],
    ['a network that is too narrow', { networks: ['10.0.0.0/33'] }],
    ['a life of nothing', { expiresIn: 0 }],
    ['an unknown option', { expires: '1d' }],
  ])('refuses %s before anything is stored', async (_, options) => {
    const { apiKeys, store } = createKeyNode()
    await expect(make(apiKeys, options)).rejects.toThrow()
    expect(store.calls.map(({ method }) => method)).not.toContain('create')
  })

  it('API-01 all live keys of all owners can be listed, without their text', async () => {
    const { apiKeys } = createKeyNode()
    const made = [await make(apiKeys), await make(apiKeys, { owner: 'bob' }), await make(apiKeys)]
    await apiKeys.revoke(made[2]?.key.id ?? '')
    const { keys, cursor } = await apiKeys.listAll()
    expect(cursor).toBeNull()
    expect(keys.map(({ owner }) => owner).sort()).toEqual(['ada', 'bob'])
    expect(JSON.stringify(keys)).not.toContain(made[0]?.text.slice(-39))
    expect((await apiKeys.listAll({ limit: 1 })).keys.length).toBeLessThan(2)
  })

  it('P9 a user’s keys outlive the end of all sessions, and end with their owner', async () => {
    const { apiKeys, environment } = createKeyNode()
    const sessions = createNode({ environment })
    const { token } = await login(sessions, 'ada')
    const { text } = await make(apiKeys)
    await sessions.manager.revokeUser('ada')
    await sessions.manager.revokeEveryone()
    expect((await validate(sessions, token)).ok).toBe(false)
    expect(await reason(apiKeys, text)).toBe('ok')
    expect(await apiKeys.revokeOwner('ada')).toBe(1)
    expect(await reason(apiKeys, text)).toBe('ended')
  })

  it('knows a key by its text, for one that was found in the wild', async () => {
    const { apiKeys } = createKeyNode()
    const { text, key } = await make(apiKeys)
    expect(apiKeys.idOf(text)).toBe(key.id)
    expect(await apiKeys.revoke(apiKeys.idOf(text) ?? '')).toBe(true)
    expect(apiKeys.idOf('shop_x')).toBeNull()
  })

  it.each<[string, Partial<ApiKeysOptions>]>([
    ['no prefix', {}],
    ['a prefix with capitals', { prefix: 'Shop' }],
    ['an unknown option', { prefix: 'shop', keys: 'x' } as Partial<ApiKeysOptions>],
    ['a rate without a count', { prefix: 'shop', rateLimit: { per: '1m' } as never }],
    ['a rate of nothing', { prefix: 'shop', guessLimit: { count: 0, per: '1m' } }],
    ['a flag that is none', { prefix: 'shop', unsafeAllowHttp: 'yes' as never }],
  ])('refuses %s at construction', (_, options) => {
    expect(() => createApiKeys({ store: memory(), ...options } as ApiKeysOptions)).toThrow(/^Option /)
  })

  it('needs no master keys, not even over a network, so that losing some ends no key', async () => {
    const store: SessionStore = Object.assign(memory(), {
      capabilities: { shared: 'network', durable: true, replace: 'transaction' },
    })
    const one = createKeyNode({ store })
    const { text } = await make(one.apiKeys)
    const two = createKeyNode({ store, environment: one.environment })
    expect(await reason(two.apiKeys, text)).toBe('ok')
  })
})

describe('rotating keys', () => {
  it('lasts a week unless it is said otherwise, and never beyond the old key’s own end', async () => {
    const { apiKeys, environment } = createKeyNode()
    const [a, b] = [await make(apiKeys), await make(apiKeys, { expiresIn: '1d' })]
    const fresh = await apiKeys.rotate(a.key.id)
    await apiKeys.rotate(b.key.id)
    expect((await apiKeys.find(a.key.id))?.expiresAt).toBe(environment.now() + 7 * DAY)
    expect((await apiKeys.find(b.key.id))?.expiresAt).toBe(b.key.expiresAt)
    expect(fresh?.key.expiresAt).toBeNull()
  })

  it('gives the new key the life that the old one was given, or another', async () => {
    const { apiKeys, environment } = createKeyNode()
    const { key } = await make(apiKeys, { expiresIn: '30d' })
    environment.advance(10 * DAY)
    const next = await apiKeys.rotate(key.id)
    expect(next?.key.expiresAt).toBe(environment.now() + 30 * DAY)
    const short = await apiKeys.rotate(next?.key.id ?? '', { expiresIn: '2d' })
    expect(short?.key.expiresAt).toBe(environment.now() + 2 * DAY)
  })

  it('without overlap ends the old key at once', async () => {
    const { apiKeys } = createKeyNode({ nearCache: true })
    const { text, key } = await make(apiKeys)
    for (let i = 0; i < 2; i++) await apiKeys.verify(text)
    const fresh = await apiKeys.rotate(key.id, { overlap: 0 })
    expect(await reason(apiKeys, text)).toBe('ended')
    expect(await reason(apiKeys, fresh?.text)).toBe('ok')
  })

  it.each([true, false])(
    'that fails in the middle leaves the old key good and no new one, and can be repeated (applied: %s)',
    async (applied) => {
      const { apiKeys, store, environment } = createKeyNode()
      const { text, key } = await make(apiKeys)
      store.fail('mutate', new Error('ECONNRESET'), { times: 1, applied })
      await expect(apiKeys.rotate(key.id, { overlap: '1d' })).rejects.toMatchObject({
        code: 'ERR_STORE_UNAVAILABLE',
      })
      expect(await reason(apiKeys, text)).toBe('ok')
      expect((await apiKeys.list('ada')).keys.map(({ id }) => id)).toEqual([key.id])
      const fresh = await apiKeys.rotate(key.id, { overlap: '1d' })
      expect(await reason(apiKeys, fresh?.text)).toBe('ok')
      environment.advance(25 * HOUR)
      expect(await reason(apiKeys, text)).toBe('expired')
    },
  )

  it('is for live keys only', async () => {
    const { apiKeys } = createKeyNode()
    const { key } = await make(apiKeys)
    await apiKeys.revoke(key.id)
    for (const id of [key.id, 'nonsense', '', 'A'.repeat(22)]) expect(await apiKeys.rotate(id)).toBeNull()
    await expect(apiKeys.rotate(key.id, { overlap: '1 day' as never })).rejects.toMatchObject({
      code: 'ERR_OPTION',
    })
  })

  it('of a key that was revoked while it went on makes none', async () => {
    const { apiKeys, store } = createKeyNode()
    const { key } = await make(apiKeys)
    const release = store.hang('mutate')
    const rotating = apiKeys.rotate(key.id)
    // Its call is on the way by then.
    await apiKeys.list('ada')
    await apiKeys.revoke(key.id)
    release()
    expect(await rotating).toBeNull()
    expect((await apiKeys.list('ada')).keys).toEqual([])
  })
})
