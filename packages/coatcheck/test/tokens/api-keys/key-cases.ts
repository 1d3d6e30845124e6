import { expect, it } from 'vitest'
import type { ApiKeyUse, ApiKeyVerdict } from '../../../src/core/api-key.ts'
import type { ApiKeys } from '../../../src/tokens/api-keys/api-keys.ts'
import type { CreateApiKeyOptions } from '../../../src/tokens/api-keys/key-terms.ts'

/** Two nodes over one store, and the time that passes for both. */
export interface KeyFleet {
  readonly here: ApiKeys
  readonly there: ApiKeys
  /** Lets at least so many milliseconds pass. */
  pass(milliseconds: number): Promise<void>
  /** Everything that the store holds, as text, where it can be looked at. */
  dump?(): Promise<string>
}

/** What holds for keys on every store. `open` makes a fleet over an empty one. */
export function keyCases(open: () => Promise<KeyFleet>): void {
  it('API-01 P6 a key is shown once, good on every node, and not in the store', async () => {
    const { here, there, dump } = await open()
    const { text, key } = await make(here)
    expect(text).toMatch(/^shop_[0-9A-Za-z]{22}_[0-9A-Za-z]{39}$/)
    for (const node of [here, there, here, there]) {
      expect(await node.verify(text)).toMatchObject({ ok: true, key: { id: key.id, owner: 'ada' } })
    }
    expect(await there.find(key.id)).toMatchObject({ id: key.id, hint: key.hint, expiresAt: null })
    expect(JSON.stringify(await there.list('ada'))).not.toContain(text.slice(28))
    if (dump) expect(await dump()).not.toContain(text.slice(28, 61))
  })

  it('API-03 keys are listed by owner, newest first, in pages', async () => {
    const { here, there, pass } = await open()
    for (const name of ['one', 'two', 'three']) {
      await make(here, { name })
      await pass(2)
    }
    await make(here, { owner: 'bob', name: 'his' })
    const first = await there.list('ada', { limit: 2 })
    const rest = await there.list('ada', { limit: 2, cursor: first.cursor })
    expect([...first.keys, ...rest.keys].map(({ name }) => name)).toEqual(['three', 'two', 'one'])
    expect((await there.list('bob')).keys.map(({ name }) => name)).toEqual(['his'])
    expect(await there.list('nobody')).toEqual({ keys: [], cursor: null })
  })

  it('API-04 P7 a key that is revoked is refused here at once, and elsewhere within a second', async () => {
    const { here, there, pass } = await open()
    const { text, key } = await make(here)
    for (const node of [here, there, here, there]) expect((await node.verify(text)).ok).toBe(true)
    expect(await here.revoke(key.id, { ofOwner: 'bob' })).toBe(false)
    expect(await here.revoke(key.id, { ofOwner: 'ada' })).toBe(true)
    expect(await here.verify(text)).toMatchObject({ ok: false, reason: 'ended' })
    await pass(1_050)
    expect(await there.verify(text)).toMatchObject({ ok: false, reason: 'ended' })
    expect(await here.revoke(key.id)).toBe(false)
    expect(await here.find(key.id)).toBeNull()
  })

  it('API-04 P7 all keys of an owner end together, and nobody else’s', async () => {
    const { here, there, pass } = await open()
    const his = await make(here, { owner: 'bob' })
    const hers = [await make(here), await make(here)]
    for (const { text } of [his, ...hers]) {
      for (const node of [there, there]) expect((await node.verify(text)).ok).toBe(true)
    }
    expect(await here.revokeOwner('ada')).toBe(2)
    for (const { text } of hers) expect((await here.verify(text)).ok).toBe(false)
    await pass(1_050)
    for (const { text } of hers) expect((await there.verify(text)).ok).toBe(false)
    expect((await there.verify(his.text)).ok).toBe(true)
    await there.revokeEveryone()
    expect((await there.verify(his.text)).ok).toBe(false)
  })

  it('API-03 two keys are valid at once while a rotation overlaps, and the old one is over then', async () => {
    const { here, there, pass } = await open()
    const old = await make(here, { name: 'ci', scopes: ['a', 'b'], networks: ['203.0.113.0/24'] })
    const use = { address: '203.0.113.7', scopes: ['b'] }
    for (const node of [there, there]) expect((await node.verify(old.text, use)).ok).toBe(true)
    const fresh = await here.rotate(old.key.id, { overlap: 1_500 })
    if (!fresh) throw new Error('not rotated')
    expect(fresh.key).toMatchObject({
      owner: 'ada',
      name: 'ci',
      scopes: ['a', 'b'],
      networks: ['203.0.113.0/24'],
    })
    expect(fresh.key.id).not.toBe(old.key.id)
    for (const { text } of [old, fresh]) {
      for (const node of [here, there]) expect((await node.verify(text, use)).ok).toBe(true)
    }
    expect(await there.find(old.key.id)).toMatchObject({ replacedBy: fresh.key.id })
    expect(await there.rotate(old.key.id)).toBeNull()
    await pass(1_600)
    for (const node of [there, here]) expect((await node.verify(old.text, use)).ok).toBe(false)
    expect((await there.verify(fresh.text, use)).ok).toBe(true)
    expect((await here.list('ada')).keys.map(({ id }) => id)).toEqual([fresh.key.id])
  })

  it('API-03 of two rotations at once one makes a key', async () => {
    const { here, there } = await open()
    const { key } = await make(here)
    const rotated = await Promise.all([here.rotate(key.id), there.rotate(key.id), here.rotate(key.id)])
    expect(rotated.filter((one) => one !== null)).toHaveLength(1)
    expect((await here.list('ada')).keys).toHaveLength(2)
  })

  it('API-03 a key is over at its end, everywhere', async () => {
    const { here, there, pass } = await open()
    const { text, key } = await make(here, { expiresIn: 700 })
    expect(key.expiresAt).toBe(key.createdAt + 700)
    for (const node of [here, there, here, there]) expect((await node.verify(text)).ok).toBe(true)
    await pass(750)
    for (const node of [here, there]) {
      expect(await node.verify(text)).toMatchObject({ ok: false, reason: 'expired' })
    }
  })

  it('API-03 a key is good for its scopes and from its networks only', async () => {
    const { here, there } = await open()
    const { text } = await make(here, {
      scopes: ['orders:read'],
      networks: ['203.0.113.0/24', '2001:db8::/32'],
    })
    const from = (address: string | null, scopes: readonly string[] = []) =>
      reason(there, text, { address, scopes })
    expect(await from('203.0.113.200', ['orders:read'])).toBe('ok')
    expect(await from('::ffff:203.0.113.9')).toBe('ok')
    expect(await from('2001:db8:ffff::1')).toBe('ok')
    expect(await from('203.0.113.200', ['orders:write'])).toBe('scope')
    expect(await from('203.0.113.200', ['orders:read', 'orders:write'])).toBe('scope')
    for (const address of ['203.0.114.1', '2001:db9::1', null, 'unknown', '']) {
      expect(await from(address)).toBe('network')
    }
  })

  it('last use is recorded once an interval, not with every request', async () => {
    const { here, there, pass } = await open()
    const { text, key } = await make(here)
    expect((await there.find(key.id))?.lastUsedAt).toBeNull()
    await pass(120)
    for (let i = 0; i < 20; i++) await here.verify(text)
    await here.flush()
    const lastUsedAt = (await there.find(key.id))?.lastUsedAt ?? 0
    expect(lastUsedAt).toBeGreaterThanOrEqual(key.createdAt + 100)
    const verdict = await there.verify(text)
    expect(verdict).toMatchObject({ ok: true, key: { lastUsedAt } })
  })
}

export function make(apiKeys: ApiKeys, options: Partial<CreateApiKeyOptions> = {}) {
  return apiKeys.create({ owner: 'ada', ...options })
}

/** `ok`, or why not. */
export async function reason(apiKeys: ApiKeys, text: unknown, use?: ApiKeyUse): Promise<string> {
  const verdict: ApiKeyVerdict = await apiKeys.verify(text, use)
  return verdict.ok ? 'ok' : verdict.reason
}
