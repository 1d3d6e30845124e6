import { beforeEach, describe, expect, it } from 'vitest'
import { toBase64Url } from '../../../src/core/encoding.ts'
import { keyRing } from '../../../src/core/key-sources.ts'
import { createSessions } from '../../../src/index.ts'
import { memory } from '../../../src/stores/memory.ts'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import { createDpop, type Dpop, type ProofAnswer } from '../../../src/tokens/dpop/dpop.ts'
import { ProofClient, type ProofParts, type ProofTarget } from './client.ts'

const URL_ = 'https://shop.example/orders'
const OK = { ok: true, nonce: null }
const REFUSED = { ok: false, error: 'invalid_dpop_proof' }

let environment: FakeEnvironment
let client: ProofClient

beforeEach(async () => {
  environment = new FakeEnvironment()
  client = await ProofClient.create(environment)
})

describe('the age of a proof', () => {
  it.each([
    [-64, true],
    [-65, false],
    [-3_600, false],
    [0, true],
    [5, true],
    [6, false],
    [3_600, false],
    [1e300, false],
    [-1e300, false],
  ])('DPOP-03 made %d seconds from now: accepted is %s', async (seconds, accepted) => {
    const iat = environment.now() / 1_000 + seconds
    const answer = await verify(createDpop({ environment }), {}, { claims: { iat } })
    expect(answer.ok).toBe(accepted)
  })

  it('DPOP-03 counts up to its end, and not at it', async () => {
    const dpop = createDpop({ environment, maxAge: '10s', clockTolerance: 0 })
    const [late, over] = [await client.proof({ url: URL_ }), await client.proof({ url: URL_ })]
    environment.advance(9_999)
    expect(await dpop.verify({ method: 'GET', url: URL_, proof: late })).toMatchObject(OK)
    environment.advance(1)
    expect(await dpop.verify({ method: 'GET', url: URL_, proof: over })).toMatchObject(REFUSED)
  })
})

describe('the second use of a proof', () => {
  it('DPOP-03 is refused for as long as the first would have been accepted', async () => {
    const dpop = createDpop({ environment })
    const proof = await client.proof({ url: URL_ })
    const request = { method: 'GET', url: URL_, proof }
    expect(await dpop.verify(request)).toMatchObject(OK)
    for (let second = 0; second < 70; second++) {
      expect(await dpop.verify(request)).toMatchObject(REFUSED)
      environment.advance(1_000)
    }
  })

  it('DPOP-03 is refused also while the first is still being verified', async () => {
    const dpop = createDpop({ environment })
    const request = { method: 'GET', url: URL_, proof: await client.proof({ url: URL_ }) }
    const answers = await Promise.all(Array.from({ length: 20 }, () => dpop.verify(request)))
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1)
  })

  it('DPOP-03 goes by number, key, method and URL: another of any of them is another proof', async () => {
    const dpop = createDpop({ environment })
    const other = await ProofClient.create(environment)
    const claims = { jti: 'one' }
    expect(await verify(dpop, {}, { claims })).toMatchObject(OK)
    expect(await verify(dpop, {}, { claims })).toMatchObject(REFUSED)
    expect(await verify(dpop, { url: `${URL_}/7` }, { claims })).toMatchObject(OK)
    expect(await verify(dpop, { method: 'POST' }, { claims })).toMatchObject(OK)
    expect(await verify(dpop, {}, { claims }, other)).toMatchObject(OK)
    expect(await verify(dpop, {}, { claims: { jti: 'two' } })).toMatchObject(OK)
  })

  it('DPOP-03 is the same however its URL is spelled', async () => {
    const dpop = createDpop({ environment })
    expect(await verify(dpop, {}, { claims: { jti: 'one' } })).toMatchObject(OK)
    const htu = 'HTTPS://shop.example:443/%6frders?again'
    expect(await verify(dpop, {}, { claims: { jti: 'one', htu } })).toMatchObject(REFUSED)
  })

  it('DPOP-03 finds room again when those before are too old to be used', async () => {
    const dpop = createDpop({ environment, maxReplays: 3 })
    for (let i = 0; i < 3; i++) expect(await verify(dpop)).toMatchObject(OK)
    await expect(verify(dpop)).rejects.toMatchObject({ code: 'ERR_STORE_FULL', status: 503 })
    environment.advance(65_000)
    for (let i = 0; i < 3; i++) expect(await verify(dpop)).toMatchObject(OK)
  })

  it('DPOP-03 is refused by every node where they share a memory', async () => {
    const keys = keyRing([{ slot: 0, state: 'current', key: toBase64Url(environment.randomBytes(32)) }])
    const store = memory()
    const nodes = [1, 2].map(() => {
      const dpop = createDpop({ replay: 'fleet' })
      createSessions({ store, keys, environment, transports: ['bearer'], dpop })
      return dpop
    })
    const request = { method: 'GET', url: URL_, proof: await client.proof({ url: URL_ }) }
    const answers = await Promise.all(nodes.map((dpop) => dpop.verify(request)))
    expect(answers.map(({ ok }) => ok).sort()).toEqual([false, true])
    environment.advance(30_000)
    expect(await nodes[0]?.verify(request)).toMatchObject(REFUSED)
  })

  it('cannot be told by nobody’s store', async () => {
    await expect(verify(createDpop({ environment, replay: 'fleet' }))).rejects.toThrow(/fleet/)
  })
})

describe('nonces', () => {
  it('DPOP-07 are asked for, and the proof with one is accepted', async () => {
    const dpop = withNonces()
    const first = await verify(dpop)
    expect(first).toMatchObject({ ok: false, error: 'use_dpop_nonce' })
    expect(await verify(dpop, { nonce: first.nonce })).toMatchObject(OK)
    expect(await verify(dpop)).toMatchObject({ ok: false, error: 'use_dpop_nonce' })
  })

  it('DPOP-07 are accepted for two spans of time, and renewed in the second', async () => {
    const dpop = withNonces()
    const { nonce } = await verify(dpop)
    expect(await verify(dpop, { nonce })).toMatchObject({ ok: true, nonce: null })
    environment.advance(120_000)
    const renewed = await verify(dpop, { nonce })
    expect(renewed).toMatchObject({ ok: true, nonce: expect.stringMatching(/^[\w-]{32}$/) })
    expect(renewed.nonce).not.toBe(nonce)
    expect(await verify(dpop, { nonce: renewed.nonce })).toMatchObject(OK)
    environment.advance(120_000)
    expect(await verify(dpop, { nonce })).toMatchObject({ ok: false, error: 'use_dpop_nonce' })
  })

  it('DPOP-07 of other keys, changed ones and those of tomorrow are none', async () => {
    const dpop = withNonces()
    const { nonce } = await verify(dpop)
    const ahead = new FakeEnvironment({ now: environment.now() + 120_000 })
    const tomorrow = (await createDpop({ ...nonceOptions(), environment: ahead }).verify(nothing())).nonce
    const foreign = (await verify(withNonces())).nonce
    const changed = [...(nonce ?? '')].map((letter, at) => {
      const other = letter === 'A' ? 'B' : 'A'
      return `${nonce?.slice(0, at)}${other}${nonce?.slice(at + 1)}`
    })
    for (const bad of [foreign, tomorrow, ...changed, '', 'x'.repeat(5_000)]) {
      expect(await verify(dpop, {}, { claims: { nonce: bad } })).toMatchObject({ error: 'use_dpop_nonce' })
    }
    for (const bad of [1, null, [nonce], {}]) {
      expect(await verify(dpop, {}, { claims: { nonce: bad } })).toMatchObject({ error: 'use_dpop_nonce' })
    }
  })

  it('DPOP-03 DPOP-07 judge the age of a proof in place of the client’s clock', async () => {
    const dpop = withNonces()
    const { nonce } = await verify(dpop)
    const iat = environment.now() / 1_000 - 86_400
    const proof = await client.proof({ url: URL_, nonce }, { claims: { iat } })
    expect(await dpop.verify({ method: 'GET', url: URL_, proof })).toMatchObject(OK)
    for (let i = 0; i < 24; i++) {
      const answer = await dpop.verify({ method: 'GET', url: URL_, proof })
      expect(answer.ok).toBe(false)
      environment.advance(10_000)
    }
  })

  it('DPOP-07 come with a proof that is wrong, too, and not where they are not used', async () => {
    const wrong = await withNonces().verify({ method: 'GET', url: URL_, proof: 'junk' })
    expect(wrong).toMatchObject({ error: 'invalid_dpop_proof', nonce: expect.any(String) })
    const off = await createDpop({ environment }).verify({ method: 'GET', url: URL_, proof: 'junk' })
    expect(off.nonce).toBeNull()
    expect(await verify(createDpop({ environment }), { nonce: 'foreign' })).toMatchObject(OK)
  })

  it('need keys', async () => {
    await expect(verify(createDpop({ environment, nonce: 'require' }))).rejects.toThrow(/dpop.keys/)
  })
})

const nothing = () => ({ method: 'GET', url: URL_, proof: undefined })

let options: ReturnType<typeof nonceOptionsAnew> | null = null

function nonceOptionsAnew() {
  const keys = keyRing([{ slot: 3, state: 'current', key: toBase64Url(environment.randomBytes(32)) }])
  return { environment, keys, nonce: 'require' } as const
}

/** Those of the dpop that was made last. */
function nonceOptions() {
  options ??= nonceOptionsAnew()
  return options
}

function withNonces(): Dpop {
  options = nonceOptionsAnew()
  return createDpop(options)
}

async function verify(
  dpop: Dpop,
  target: ProofTarget = {},
  parts: ProofParts = {},
  who: ProofClient = client,
): Promise<ProofAnswer> {
  const { method = 'GET', url = URL_ } = target
  const proof = await who.proof({ method, url, ...target }, parts)
  return dpop.verify({ method, url, proof })
}
