import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { systemEnvironment } from '../../../src/core/platform.ts'
import { createSessions, type Session } from '../../../src/index.ts'
import { memory } from '../../../src/stores/memory.ts'
import { exportSessions, importSessions, moving } from '../../../src/stores/moving.ts'
import { sqlite } from '../../../src/stores/sqlite.ts'
import { createDpop } from '../../../src/tokens/dpop/dpop.ts'
import { temporaryDirectory } from '../../stores/sqlite-harness.ts'
import { BoundShop, type Presented } from './bound-sessions.ts'
import { ProofClient } from './client.ts'

let shop: BoundShop
let client: ProofClient
let thief: ProofClient

beforeEach(async () => {
  shop = new BoundShop()
  client = await ProofClient.create(shop.environment)
  thief = await ProofClient.create(shop.environment)
})

const writes: Presented['handler'] = (session) => session.set('theme', 'dark')

describe.each([
  ['over the store', {}],
  ['with a near cache', { nearCache: true }],
])('a bound session %s', (_, options) => {
  beforeEach(() => {
    shop = new BoundShop(options, shop)
  })

  it('DPOP-04 is used with a proof of its key', async () => {
    const token = await shop.login(client)
    for (let i = 0; i < 3; i++) expect(await shop.proven(client, token)).toMatchObject({ userId: 'ann' })
    expect(shop.refusals()).toEqual([])
  })

  it('DPOP-05 is refused as plain Bearer, before and after it was used rightly, and nothing is ended', async () => {
    const token = await shop.login(client)
    expect(await shop.plain(token)).toMatchObject({ userId: null, error: null })
    await shop.proven(client, token)
    expect(await shop.plain(token)).toMatchObject({ userId: null })
    expect(await shop.plain(token, { proof: await client.proof({ accessToken: token }) })).toMatchObject({
      userId: null,
    })
    expect(shop.refusals()).toEqual(['binding', 'binding', 'binding'])
    expect(await shop.proven(client, token)).toMatchObject({ userId: 'ann' })
  })

  it('DPOP-04 is refused with a proof of another key', async () => {
    const token = await shop.login(client)
    await shop.proven(client, token)
    expect(await shop.proven(thief, token)).toMatchObject({ userId: null })
    expect(shop.refusals()).toEqual(['binding'])
    expect(await shop.proven(client, token)).toMatchObject({ userId: 'ann' })
  })

  it('DPOP-05 an unbound one is used as plain Bearer, and refused under the scheme DPoP', async () => {
    const token = await shop.login(null)
    expect(await shop.plain(token)).toMatchObject({ userId: 'ann' })
    expect(await shop.proven(client, token)).toMatchObject({ userId: null })
    expect(await shop.proven(client, token, { scheme: 'Bearer' })).toMatchObject({ userId: 'ann' })
    expect(shop.refusals()).toEqual(['binding'])
  })

  it('DPOP-03 refuses a proof that came before, and counts it as no activity', async () => {
    const token = await shop.login(client)
    const proof = await client.proof({ accessToken: token })
    expect(await shop.request({ token, proof })).toMatchObject({ userId: 'ann' })
    shop.environment.advance(60_000)
    await shop.sessions.flush()
    const [before] = (await shop.sessions.list('ann')).sessions
    const again = await shop.request({ token, proof })
    expect(again.error).toMatchObject({ code: 'ERR_DPOP_PROOF', proofError: 'invalid_dpop_proof' })
    expect(shop.refusals()).toEqual(['proof'])
    await shop.sessions.flush()
    expect((await shop.sessions.list('ann')).sessions).toEqual([before])
  })

  it('DPOP-05 section 6: rotated on request, it goes on with a proof alone, and so does the superseded token', async () => {
    const token = await shop.login(client)
    shop.environment.advance(16 * 60_000)
    const rotated = await shop.proven(client, token, { headers: { 'session-rotation': 'accept' } })
    const successor = rotated.response.get('session-token') ?? ''
    expect(successor).toHaveLength(68)
    for (const each of [successor, token, successor]) {
      expect(await shop.plain(each)).toMatchObject({ userId: null })
      expect(await shop.proven(thief, each)).toMatchObject({ userId: null })
      expect(await shop.proven(client, each)).toMatchObject({ userId: 'ann' })
    }
    expect(shop.refusals()).toEqual(Array(6).fill('binding'))
    const again = await shop.proven(client, token, { headers: { 'session-rotation': 'accept' } })
    expect(again.response.get('session-token')).toBe(successor)
  })

  it('P4 ends where its superseded token comes after the rotation has settled, with its key', async () => {
    const token = await shop.login(client)
    shop.environment.advance(16 * 60_000)
    const rotated = await shop.proven(client, token, { headers: { 'session-rotation': 'accept' } })
    const successor = rotated.response.get('session-token') ?? ''
    for (let i = 0; i < 3; i++) {
      shop.environment.advance(90_000)
      expect(await shop.proven(client, successor)).toMatchObject({ userId: 'ann' })
      await shop.sessions.flush()
    }
    expect(await shop.plain(token)).toMatchObject({ userId: null })
    expect(await shop.proven(client, successor)).toMatchObject({ userId: 'ann' })
    expect(await shop.proven(client, token)).toMatchObject({ userId: null })
    expect(await shop.proven(client, successor)).toMatchObject({ userId: null })
  })

  it('P4 ends by a token of two rotations ago without its key, which nothing tells from a replayed unbound one', async () => {
    const chain = [await shop.login(client)]
    for (let i = 0; i < 2; i++) {
      shop.environment.advance(16 * 60_000)
      const headers = { 'session-rotation': 'accept' }
      const rotated = await shop.proven(client, chain.at(-1) ?? '', { headers })
      chain.push(rotated.response.get('session-token') ?? '')
      for (let use = 0; use < 2; use++) {
        shop.environment.advance(90_000)
        await shop.proven(client, chain.at(-1) ?? '')
        await shop.sessions.flush()
      }
    }
    const [oldest = '', last = '', current = ''] = chain
    expect(await shop.plain(last)).toMatchObject({ userId: null })
    expect(await shop.proven(client, current)).toMatchObject({ userId: 'ann' })
    expect(await shop.plain(oldest)).toMatchObject({ userId: null })
    expect(await shop.proven(client, current)).toMatchObject({ userId: null })
  })

  it('P5 keeps its key through a step-up and another login, under a new id', async () => {
    const token = await shop.login(client)
    const steps = [
      (session: Session<object>) => session.reauthenticate(),
      (session: Session<object>) => session.login('ann'),
      (session: Session<object>) => session.login('bob'),
    ]
    let current = token
    for (const step of steps) {
      let next = ''
      const answer = await shop.proven(client, current, {
        handler: async (session) => {
          next = (await step(session as Session<object>)).token ?? ''
        },
      })
      expect(answer.error).toBeNull()
      expect(await shop.plain(next)).toMatchObject({ userId: null })
      expect(await shop.proven(client, current)).toMatchObject({ userId: null })
      expect(await shop.proven(client, next)).toMatchObject({ userId: answer.userId })
      current = next
    }
  })

  it('is a visitor’s, too, where the first write came with a proof', async () => {
    const { response } = await shop.request({ proof: await client.proof(), handler: writes })
    const token = response.get('session-token') ?? ''
    expect((await shop.plain(token)).id).toBeNull()
    expect((await shop.proven(client, token)).id).not.toBeNull()
  })
})

describe('what a session is bound to', () => {
  it('is refused, not left out, where the proof is wrong', async () => {
    const proofs = [await client.proof({ method: 'POST' }), 'junk', `${await client.proof()}, x`]
    const used = await client.proof()
    await shop.request({ proof: used, handler: (session) => session.login('ann', { transport: 'bearer' }) })
    for (const proof of [...proofs, used]) {
      const handler: Presented['handler'] = (session) => session.login('ann', { transport: 'bearer' })
      const { error, userId } = await shop.request({ proof, handler })
      expect([error?.code, userId]).toEqual(['ERR_DPOP_PROOF', null])
      expect((await shop.request({ proof, handler: writes })).error?.code).toBe('ERR_DPOP_PROOF')
    }
    expect((await shop.sessions.list('ann')).sessions).toHaveLength(1)
  })

  it('comes to an unbound session with a step-up that has a proof', async () => {
    const token = await shop.login(null)
    let next = ''
    await shop.plain(token, {
      proof: await client.proof(),
      handler: async (session) => {
        next = (await session.reauthenticate()).token ?? ''
      },
    })
    expect(await shop.plain(next)).toMatchObject({ userId: null })
    expect(await shop.proven(client, next)).toMatchObject({ userId: 'ann' })
  })

  it('stays with it at a step-up below HTTP, whatever key is named there', async () => {
    const { manager } = shop.sessions
    const context = { userAgent: null, address: null, label: null, fingerprint: 'test' }
    const authentication = { methods: [], level: null }
    const about = {
      transport: 'bearer',
      context,
      authentication,
      data: {},
      carry: [],
      operations: [],
    } as const
    const login = { ...about, userId: 'ann', remember: false, attempt: null, binding: client.jkt }
    const { session } = await manager.login(null, login)
    const next = await manager.reauthenticate(session, {
      authentication,
      operations: [],
      binding: thief.jkt,
    })
    expect(await shop.proven(thief, next.token)).toMatchObject({ userId: null })
    expect(await shop.proven(client, next.token)).toMatchObject({ userId: 'ann' })
  })

  it('is no matter of cookies', async () => {
    const handler: Presented['handler'] = (session) => session.login('ann', { transport: 'cookie' })
    const { response, error } = await shop.request({ proof: 'junk', handler })
    expect([error, response.setCookies().length]).toEqual([null, 1])
  })

  it('goes with it into another store', async () => {
    const directory = temporaryDirectory()
    const [from, to] = [join(directory.path, 'from.db'), join(directory.path, 'to.db')]
    const environment = systemEnvironment
    const holder = await ProofClient.create(environment)
    const first = new BoundShop({ store: sqlite(from), environment }, shop)
    const token = await first.login(holder)
    await first.sessions.close()
    await importSessions(sqlite(to), exportSessions(sqlite(from)))
    const next = new BoundShop({ store: sqlite(to), environment }, shop)
    expect(await next.plain(token)).toMatchObject({ userId: null })
    expect(await next.proven(holder, token)).toMatchObject({ userId: 'ann' })
    await next.sessions.close()
    await directory.dispose()
  })

  it('goes with it while sessions move from store to store', async () => {
    const token = await shop.login(client)
    const next = new BoundShop({ store: moving({ from: shop.store, to: memory() }) }, shop)
    expect(await next.plain(token)).toMatchObject({ userId: null })
    expect(await next.proven(client, token)).toMatchObject({ userId: 'ann' })
  })

  it('P1 is kept by a node that knows nothing of proofs: it refuses the token', async () => {
    const token = await shop.login(client)
    for (const options of [{ dpop: undefined }, { binding: 'off' as const }]) {
      const other = new BoundShop(options as never, shop)
      expect(await other.plain(token)).toMatchObject({ userId: null })
      expect(await other.proven(client, token)).toMatchObject({ userId: null, error: null })
    }
  })

  it('P6 is not in the record: neither the key nor its thumbprint', async () => {
    await shop.login(client)
    const page = await shop.store.scan({ limit: 10, cursor: null } as never)
    expect(JSON.stringify(page)).not.toContain(client.jkt)
  })
})

describe('binding: require', () => {
  beforeEach(() => {
    shop = new BoundShop({ binding: 'require' }, shop)
  })

  it('makes no bearer session without a proof', async () => {
    await expect(shop.login(null)).rejects.toMatchObject({ code: 'ERR_DPOP_PROOF', status: 401 })
    expect((await shop.request({ handler: writes })).error?.code).toBe('ERR_DPOP_PROOF')
    expect((await shop.sessions.list('ann')).sessions).toEqual([])
    const token = await shop.login(client)
    expect(await shop.proven(client, token)).toMatchObject({ userId: 'ann' })
  })

  it('DPOP-05 takes no plain Bearer token, and asks no store about it', async () => {
    const token = await new BoundShop({}, shop).login(null)
    await shop.sessions.open()
    const calls = () => shop.sessions.metrics().find(({ name }) => name === 'coatcheck.store.calls')?.samples
    const before = JSON.stringify(calls())
    expect(await shop.plain(token)).toMatchObject({ userId: null, error: null })
    expect(JSON.stringify(calls())).toBe(before)
    expect(shop.refusals()).toEqual(['binding'])
  })
})

describe('options', () => {
  it.each([
    [{ binding: 'require', transports: ['bearer'] }, 'binding'],
    [{ binding: 'prefer', transports: ['bearer'] }, 'binding'],
    [{ dpop: createDpop() }, 'bearer'],
    [{ dpop: {}, transports: ['bearer'] }, 'dpop'],
    [{ dpop: createDpop(), binding: 'always', transports: ['bearer'] }, 'binding'],
  ])('%o throws ERR_OPTION', (options, word) => {
    expect(() => createSessions({ store: memory(), ...(options as object) })).toThrow(word)
  })

  it('of one createDpop are for one application', () => {
    const dpop = createDpop()
    createSessions({ store: memory(), transports: ['bearer'], dpop })
    expect(() => createSessions({ store: memory(), transports: ['bearer'], dpop })).toThrow(/createDpop/)
  })
})
