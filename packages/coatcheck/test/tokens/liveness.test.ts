import { describe, expect, it } from 'vitest'
import { createLiveness } from '../../src/tokens/index.ts'
import { HeldFeed } from '../helpers/held-feed.ts'
import { HOUR, login, MINUTE, type Node, SECOND } from '../helpers/nodes.ts'
import {
  accessVerdict,
  claimsOf,
  ORDERS,
  refreshVerdict,
  signedIn,
  type TokenNode,
  tokenNodes,
} from './token-nodes.ts'

const CACHED = { nearCache: true } as const

describe('the liveness of what tokens hang on', () => {
  it('is answered from memory and without a promise while the feed proves it fresh', async () => {
    const { here } = tokenNodes(CACHED)
    const { set } = await signedIn(here)
    expect(await accessVerdict(here, set.accessToken)).toBe('ok')
    here.store.clearCalls()
    for (let i = 0; i < 100; i++) expect(here.verifier.verify(set.accessToken)).toMatchObject({ ok: true })
    expect(here.store.calls).toEqual([])
  })

  it('is asked of the store each time where there is no feed', async () => {
    const { here, there } = tokenNodes()
    const { session, set } = await signedIn(here)
    expect(await accessVerdict(there, set.accessToken)).toBe('ok')
    there.store.clearCalls()
    expect(await accessVerdict(there, set.accessToken)).toBe('ok')
    expect(there.store.calls.map(({ method }) => method)).toEqual(['find', 'find'])
    await here.manager.revoke(session.id)
    expect(await accessVerdict(there, set.accessToken)).toBe('revoked')
  })

  it('P10 is nobody’s guess where the store fails', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    here.store.fail('find')
    await expect(accessVerdict(here, set.accessToken)).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    })
    here.store.heal()
    expect(await accessVerdict(here, set.accessToken)).toBe('ok')
  })

  it('P7 is not kept where a change came between question and answer', async () => {
    const { here, there } = tokenNodes(CACHED)
    const { session, set } = await signedIn(there)
    await here.manager.open()
    const { find } = here.store
    let release = () => {}
    here.store.find = async (id) => {
      const found = await find.call(here.store, id)
      await new Promise<void>((resolve) => {
        release = resolve
      })
      return found
    }
    const asked = accessVerdict(here, set.accessToken)
    await here.environment.settle()
    here.store.find = find
    await there.manager.revoke(session.id)
    release()
    await asked
    expect(await accessVerdict(here, set.accessToken)).toBe('revoked')
  })

  it('P1 P8 is looked up again when the session may be over by itself', async () => {
    const { here } = tokenNodes({ ...CACHED, idleTimeout: '2m', touchInterval: 0 })
    const { session } = await login(here, 'ada')
    const handle = { id: session.record.id, userId: 'ada' }
    const { accessToken } = await here.tokens.accessToken(handle, { audience: ORDERS })
    expect(await accessVerdict(here, accessToken)).toBe('ok')
    here.environment.advance(2 * MINUTE - 1)
    expect(await accessVerdict(here, accessToken)).toBe('ok')
    here.environment.advance(1)
    expect(await accessVerdict(here, accessToken)).toBe('revoked')
  })

  it('P7 is asked of the store by a node that is cut off from the feed, once maxStaleness has passed', async () => {
    const feed = new HeldFeed()
    const { here, there } = tokenNodes({ ...CACHED, store: feed.store })
    const { session, set } = await signedIn(here)
    expect(await accessVerdict(here, set.accessToken)).toBe('ok')
    feed.hold('everything')
    await there.manager.revoke(session.id)
    here.environment.advance(SECOND - 1)
    expect(await accessVerdict(here, set.accessToken)).toBe('ok')
    here.environment.advance(1)
    expect(await accessVerdict(here, set.accessToken)).toBe('revoked')
  })

  it('P7 is not kept where nothing proved it when it was asked for', async () => {
    const feed = new HeldFeed()
    const { here } = tokenNodes({ ...CACHED, store: feed.store })
    const { set } = await signedIn(here)
    feed.hold('everything')
    here.environment.advance(5 * SECOND)
    expect(await accessVerdict(here, set.accessToken)).toBe('ok')
    feed.release()
    here.store.clearCalls()
    expect(await accessVerdict(here, set.accessToken)).toBe('ok')
    expect(here.store.calls.map(({ method }) => method)).toEqual(['find', 'find'])
  })

  it('P7 is over at once on the node that ends a family, and is asked for anew once the feed has lost anything', async () => {
    const feed = new HeldFeed()
    const { here } = tokenNodes({ ...CACHED, store: feed.store })
    const [one, other] = [await signedIn(here), await signedIn(here)]
    for (const { set } of [one, other]) expect(await accessVerdict(here, set.accessToken)).toBe('ok')
    feed.hold('everything')
    await here.tokens.revokeFamily(one.set.familyId)
    expect(await accessVerdict(here, one.set.accessToken)).toBe('revoked')
    here.store.clearCalls()
    expect(await accessVerdict(here, other.set.accessToken)).toBe('ok')
    expect(here.store.calls).toEqual([])
    here.manager.listeners.lost(null)
    expect(await accessVerdict(here, other.set.accessToken)).toBe('ok')
    expect(here.store.calls.map(({ method }) => method)).toEqual(['find', 'find'])
    await here.manager.revoke(other.session.id)
    expect(await accessVerdict(here, other.set.accessToken)).toBe('revoked')
  })

  it('is kept for so many at most', async () => {
    const { here } = tokenNodes(CACHED)
    const liveness = createLiveness(here, { maxEntries: 2 })
    const ids = await Promise.all(['a', 'b', 'c'].map((userId) => idOf(here, userId)))
    for (const sid of ids) expect(await liveness.isRevoked(claims({ sid }))).toBe(false)
    here.store.clearCalls()
    for (const sid of ids.slice(1)) expect(liveness.isRevoked(claims({ sid }))).toBe(false)
    expect(here.store.calls).toEqual([])
    expect(liveness.isRevoked(claims({ sid: ids[0] as string }))).toBe(false)
    expect(here.store.calls).toHaveLength(1)
    expect(() => createLiveness(here, { maxEntries: 0 })).toThrow('maxEntries')
  })

  it('is denied to what never was, and of no matter to a token that hangs on nothing', async () => {
    const { here } = tokenNodes(CACHED)
    const { liveness } = here.tokens
    for (const sid of ['', 'x', '__proto__', 'A'.repeat(22)]) {
      expect(await liveness.isRevoked(claims({ sid }))).toBe(true)
      expect(await liveness.isRevoked(claims({ fam: sid }))).toBe(true)
    }
    expect(await liveness.isRevoked(claims({}))).toBe(false)
  })

  it('settles a refresh once, whatever the number of its uses, and only with the tokens that came last', async () => {
    const { here } = tokenNodes(CACHED)
    const { set } = await signedIn(here)
    here.environment.advance(MINUTE)
    const next = await here.tokens.refresh(set.refreshToken)
    if (!next.ok) throw new Error('refused')
    here.environment.advance(3 * MINUTE)
    const claims = claimsOf(next.accessToken) as never
    await here.tokens.liveness.isRevoked({ ...(claims as object), gen: 0 } as never)
    here.store.clearCalls()
    const burst = Array.from({ length: 50 }, () => here.tokens.liveness.isRevoked(claims))
    expect(new Set(burst)).toEqual(new Set([false]))
    for (let i = 0; i < 50; i++) await here.tokens.liveness.isRevoked(claims)
    await here.tokens.flush()
    expect(here.store.calls.filter(({ method }) => method === 'touch')).toHaveLength(1)
    expect(await refreshVerdict(here, set.refreshToken)).toBe('invalid_grant')
  })

  it('hears of an end elsewhere while the clock stands still', async () => {
    const { here, there } = tokenNodes(CACHED)
    const { session, set } = await signedIn(here)
    for (const end of [() => there.manager.revoke(session.id), () => there.manager.revokeUser('ada')]) {
      await accessVerdict(here, set.accessToken)
      await end()
      expect(await accessVerdict(here, set.accessToken)).toBe('revoked')
    }
    here.environment.advance(HOUR + SECOND)
  })
})

async function idOf(node: Node, userId: string): Promise<string> {
  return (await login(node, userId)).session.record.id
}

function claims(some: {
  readonly sid?: string
  readonly fam?: string
}): Parameters<TokenNode['tokens']['liveness']['isRevoked']>[0] {
  return { iss: '', sub: '', aud: '', client_id: '', iat: 0, exp: 0, jti: '', ...some }
}
