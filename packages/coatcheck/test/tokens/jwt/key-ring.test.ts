import { describe, expect, it, vi } from 'vitest'
import { toBase64Url } from '../../../src/core/encoding.ts'
import { keyRing } from '../../../src/core/key-sources.ts'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import {
  createAccessTokenVerifier,
  createKeyRing,
  ephemeralSigningKeys,
  jwksDocument,
  type KeyRingOptions,
  type SigningKeyStorage,
  signAccessToken,
} from '../../../src/tokens/index.ts'
import { AUDIENCE, encode, token as forgedToken, ISSUER, keyOf, NOW } from './forge.ts'

const MINUTE = 60_000
/** Twice cacheFor, and refreshEvery. */
const PUBLISHED_FIRST = 20 * MINUTE + 10_000
/** longestTokenLife, refreshEvery, and what clocks may differ. */
const PUBLISHED_AFTER = 65 * MINUTE + 10_000

describe('a ring of signing keys', () => {
  it.each(['ES256', 'EdDSA'] as const)(
    'JWT-15 is made of two keys of %s, one that signs and one that will',
    async (algorithm) => {
      const { ring, sign, outcome } = setUp({ algorithm })
      expect(await ring.list()).toMatchObject([
        { algorithm, state: 'current', until: null },
        { algorithm, state: 'next', until: null },
      ])
      expect(await outcome(await sign())).toBe('ok')
    },
  )

  it('JWT-15 publishes public parts alone, each with its kid by RFC 7638, its algorithm and its use', async () => {
    const { ring } = setUp()
    const { keys } = await ring.jwks()
    for (const key of keys) {
      expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
      const required = JSON.stringify({ crv: key.crv, kty: key.kty, x: key.x, y: key.y })
      const digest = await crypto.subtle.digest('SHA-256', Buffer.from(required))
      expect(key.kid).toBe(encode(new Uint8Array(digest)))
    }
    const text = JSON.stringify(keys)
    for (const secret of ['"d"', '"p"', '"q"', '"k"', 'privateJwk']) expect(text).not.toContain(secret)
  })

  it('JWT-15 rotates with an overlap: each token is good to its end, and each key is known before its first token', async () => {
    const { ring, environment, sign, outcome } = setUp()
    const [first, second] = kids(await ring.list())
    const old = await sign({ expiresIn: '1h' })
    environment.advance(PUBLISHED_FIRST)
    expect(await ring.rotate()).toMatchObject({ rotated: true, current: second })
    expect(states(await ring.list())).toEqual(['current', 'next', 'retired'])
    expect(kids(await ring.list())).toEqual([second, expect.any(String), first])
    expect(kidOf(await sign())).toBe(second)
    environment.advance(60 * MINUTE - PUBLISHED_FIRST - 1)
    expect(await outcome(old)).toBe('ok')
    environment.advance(PUBLISHED_FIRST + PUBLISHED_AFTER - 60 * MINUTE)
    expect(kids(await ring.list())).toContain(first)
    environment.advance(1)
    expect(kids(await ring.list())).not.toContain(first)
    expect((await ring.jwks()).keys).toHaveLength(2)
    expect(await outcome(old)).toBe('unknown-key')
  })

  it('JWT-15 a key that not every verifier can know yet does not sign: an early rotation does nothing and says until when', async () => {
    const { ring, environment } = setUp()
    const earliestAt = environment.now() + PUBLISHED_FIRST
    const [first] = kids(await ring.list())
    expect(await ring.rotate()).toMatchObject({ rotated: false, current: first, earliestAt })
    environment.advance(PUBLISHED_FIRST - 1)
    expect(await ring.rotate()).toMatchObject({ rotated: false, current: first })
    environment.advance(1)
    expect(await ring.rotate()).toMatchObject({ rotated: true })
    expect(await ring.rotate()).toMatchObject({ rotated: false })
  })

  it('rotates by itself when the current key is as old as configured', async () => {
    const { ring, environment, sign } = setUp({ rotateEvery: '30d' })
    const [first, second] = kids(await ring.list())
    environment.advance(30 * 86_400_000 - 1)
    expect(kidOf(await sign())).toBe(first)
    environment.advance(10_000)
    expect(kidOf(await sign())).toBe(second)
  })

  it('does not when it is not to', async () => {
    const { ring, environment, sign } = setUp({ rotateEvery: false })
    const [first] = kids(await ring.list())
    environment.advance(3_650 * 86_400_000)
    expect(kidOf(await sign())).toBe(first)
  })

  it('a key that has become known is taken out at once, and its tokens are refused', async () => {
    const { ring, sign, outcome } = setUp()
    const [first, second] = kids(await ring.list())
    const stolen = await sign()
    expect(await outcome(stolen)).toBe('ok')
    expect(await ring.remove(first ?? '')).toMatchObject({ rotated: true, current: second })
    expect(await outcome(stolen)).toBe('unknown-key')
    expect(await outcome(await sign())).toBe('ok')
    const [current, next] = kids(await ring.list())
    await ring.remove(next ?? '')
    expect(kids(await ring.list())).toEqual([current, expect.not.stringMatching(String(next))])
    expect(await ring.remove('nothing')).toMatchObject({ rotated: false })
  })

  it('a retired key has no private half any more', async () => {
    const storage = ephemeralSigningKeys()
    const { ring, environment } = setUp({ storage })
    await ring.open()
    environment.advance(PUBLISHED_FIRST)
    await ring.rotate()
    const { keys } = JSON.parse(String(await storage.read()))
    expect(
      keys.map((key: { state: string; privateJwk?: object }) => [key.state, 'privateJwk' in key]),
    ).toEqual([
      ['next', true],
      ['current', true],
      ['retired', false],
    ])
  })

  it('P6 shows no key material when it is printed', async () => {
    const { ring } = setUp()
    await ring.open()
    const { inspect } = await import('node:util')
    expect(inspect(ring, { depth: 9, showHidden: true })).not.toMatch(/privateJwk|"d"|master/)
    expect(JSON.stringify(ring)).toBe('{}')
  })
})

describe('processes that share a ring', () => {
  it('have the same keys, whoever was first', async () => {
    const storage = ephemeralSigningKeys()
    const rings = Array.from({ length: 5 }, () => setUp({ storage }).ring)
    const lists = await Promise.all(rings.map((ring) => ring.list()))
    expect(new Set(lists.map((list) => JSON.stringify(list))).size).toBe(1)
  })

  it('agree when they rotate at once: one does, and the others hear of it', async () => {
    const storage = ephemeralSigningKeys()
    const environment = new FakeEnvironment({ now: NOW * 1000 })
    const rings = Array.from(
      { length: 5 },
      () => setUp({ storage, environment, cacheFor: '1s', refreshEvery: 1 }).ring,
    )
    for (let round = 0; round < 20; round++) {
      await Promise.all(rings.map((ring) => ring.open()))
      environment.advance(2_001)
      const rotations = await Promise.all(rings.map((ring) => ring.rotate()))
      expect(rotations.filter(({ rotated }) => rotated)).toHaveLength(1)
      expect(new Set(rotations.map(({ current, next }) => `${current} ${next}`)).size).toBe(1)
    }
  })

  it('agree also where the clock of one is ahead by more than the overlap', async () => {
    const storage = ephemeralSigningKeys()
    const [one, two] = [setUp({ storage }), setUp({ storage })]
    await Promise.all([one.ring.open(), two.ring.open()])
    one.environment.stepWallClock(PUBLISHED_FIRST)
    two.environment.stepWallClock(3 * PUBLISHED_FIRST)
    const rotations = await Promise.all([one.ring.rotate(), two.ring.rotate()])
    expect(rotations.map(({ rotated }) => rotated).sort()).toEqual([false, true])
    expect(new Set(rotations.map(({ current }) => current)).size).toBe(1)
  })

  it('hear of a rotation within refreshEvery, and their tokens are good in between', async () => {
    const storage = ephemeralSigningKeys()
    const environment = new FakeEnvironment({ now: NOW * 1000 })
    const [one, two] = [setUp({ storage, environment }), setUp({ storage, environment })]
    const before = kidOf(await two.sign())
    environment.advance(PUBLISHED_FIRST)
    await two.sign()
    const { current } = await one.ring.rotate()
    expect(kidOf(await two.sign())).toBe(before)
    expect(await one.outcome(await two.sign())).toBe('ok')
    expect(await two.outcome(await one.sign())).toBe('ok')
    environment.advance(10_000)
    expect(kidOf(await two.sign())).toBe(current)
  })

  it('hear of a removed key within twice refreshEvery while they are busy', async () => {
    const storage = ephemeralSigningKeys()
    const environment = new FakeEnvironment({ now: NOW * 1000 })
    const [one, two] = [setUp({ storage, environment }), setUp({ storage, environment })]
    const stolen = await two.sign()
    expect(await two.outcome(stolen)).toBe('ok')
    await one.ring.remove(kidOf(stolen))
    await environment.advanceAndSettle(10_000)
    // This one still passes, and has the ring read in the background.
    expect(await two.outcome(stolen)).toBe('ok')
    await two.ring.list()
    expect(await two.outcome(stolen)).toBe('unknown-key')
  })

  it('JWT-15 a thousand unknown kids make them look once a second', async () => {
    const storage = ephemeralSigningKeys()
    const read = vi.spyOn(storage, 'read')
    const { outcome, environment, sign } = setUp({ storage })
    await outcome(await sign())
    const evil = await stranger()
    read.mockClear()
    for (let i = 0; i < 1000; i++) expect(await outcome(evil(`k${i}`))).toBe('unknown-key')
    expect(read).toHaveBeenCalledTimes(0)
    environment.advance(1_000)
    for (let i = 0; i < 1000; i++) expect(await outcome(evil(`k${i}`))).toBe('unknown-key')
    expect(read).toHaveBeenCalledTimes(1)
  })
})

describe('what is stored', () => {
  const master = (fill: number) =>
    keyRing([{ key: toBase64Url(Uint8Array.from({ length: 32 }, (_, i) => i * fill)) }])

  it('P6 is sealed under the master key: a copy of it signs nothing and tells nothing', async () => {
    const storage = shared()
    const { ring, sign } = setUp({ storage, keys: master(7) })
    await sign()
    const text = String(await storage.read())
    for (const key of (await ring.jwks()).keys) {
      for (const member of [key.kid, key.x, key.y]) expect(text).not.toContain(member)
    }
    expect(text).not.toMatch(/"d"|privateJwk|P-256/)
    const wrong = setUp({ storage, keys: master(9) })
    await expect(wrong.sign()).rejects.toThrow('was sealed under another master key, or is damaged')
    await expect(setUp({ storage: { ...storage, private: true } }).sign()).rejects.toThrow(
      'give the option keys',
    )
    expect(await storage.read()).toBe(text)
  })

  it('P6 must be sealed where others can read it', () => {
    expect(() => createKeyRing({ storage: shared() })).toThrow(
      expect.objectContaining({ code: 'ERR_KEYS_MISSING', message: expect.stringContaining('option keys') }),
    )
  })

  it('cannot be added to by somebody who writes there without the master key', async () => {
    const storage = shared()
    const { sign } = setUp({ storage, keys: master(7) })
    await sign()
    const before = String(await storage.read())
    const plain = ephemeralSigningKeys()
    await setUp({ storage: plain }).ring.open()
    await storage.replace(before, String(await plain.read()))
    await expect(setUp({ storage, keys: master(7) }).sign()).rejects.toThrow('is not sealed')
    const { sealed } = JSON.parse(before)
    for (const at of [10, 130, sealed.length - 30]) {
      const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1)
      await storage.replace(String(await storage.read()), JSON.stringify({ sealed: changed }))
      await expect(setUp({ storage, keys: master(7) }).sign()).rejects.toThrow('damaged')
    }
  })

  it('follows the master keys when these are rotated', async () => {
    const storage = shared()
    const [old, fresh] = [7, 9].map((fill) =>
      toBase64Url(Uint8Array.from({ length: 32 }, (_, i) => i * fill)),
    )
    const environment = new FakeEnvironment({ now: NOW * 1000 })
    const first = setUp({ storage, environment, keys: keyRing([{ slot: 0, key: old ?? '' }]) })
    const token = await first.sign({ expiresIn: '1h' })
    const both = keyRing([
      { slot: 1, key: fresh ?? '' },
      { slot: 0, key: old ?? '' },
    ])
    const second = setUp({ storage, environment, keys: both })
    expect(await second.outcome(token)).toBe('ok')
    environment.advance(PUBLISHED_FIRST)
    await second.ring.rotate()
    const third = setUp({ storage, environment, keys: keyRing([{ slot: 1, key: fresh ?? '' }]) })
    expect(await third.outcome(token)).toBe('ok')
  })

  it('P10 that cannot be read is an error of ours, and comes back by itself', async () => {
    const storage = shared()
    const { sign, environment } = setUp({ storage, keys: master(7) })
    await sign()
    const read = vi.spyOn(storage, 'read').mockRejectedValue(new Error('ECONNREFUSED'))
    expect(await sign()).toContain('.')
    environment.advance(10_000)
    await expect(sign()).rejects.toMatchObject({
      code: 'ERR_KEYS_UNAVAILABLE',
      cause: { message: 'ECONNREFUSED' },
    })
    read.mockRestore()
    expect(await sign()).toContain('.')
  })

  it('that cannot be written to does not stop the signing when a rotation is due', async () => {
    const storage = ephemeralSigningKeys()
    const { sign, environment } = setUp({ storage, rotateEvery: '30d' })
    const before = kidOf(await sign())
    const replace = vi.spyOn(storage, 'replace').mockRejectedValue(new Error('EROFS'))
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    environment.advance(31 * 86_400_000)
    expect(kidOf(await sign())).toBe(before)
    expect(warning).toHaveBeenCalledTimes(1)
    warning.mockRestore()
    replace.mockRestore()
    environment.advance(10_000)
    expect(kidOf(await sign())).not.toBe(before)
  })
})

describe('the JWKS document', () => {
  it('JWT-15 may be kept by caches for cacheFor, and is told by its ETag', async () => {
    const { ring, environment } = setUp()
    const { status, headers, body } = await jwksDocument(ring)
    expect({ status, headers }).toEqual({
      status: 200,
      headers: {
        'content-type': 'application/jwk-set+json',
        'cache-control': 'public, max-age=600, must-revalidate',
        etag: expect.stringMatching(/^"[\w-]{43}"$/),
        'x-content-type-options': 'nosniff',
      },
    })
    expect(JSON.parse(body)).toEqual(await ring.jwks())
    for (const tag of [headers.etag, `W/${headers.etag}`, `"x", ${headers.etag}`]) {
      expect(await jwksDocument(ring, tag)).toMatchObject({ status: 304, body: '' })
    }
    environment.advance(PUBLISHED_FIRST)
    await ring.rotate()
    expect(await jwksDocument(ring, headers.etag)).toMatchObject({ status: 200 })
  })
})

describe('its options', () => {
  it('are checked at once', () => {
    const storage = ephemeralSigningKeys()
    const wrong: readonly (readonly [object, string])[] = [
      [{}, 'Option storage'],
      [{ storage: './file' }, 'Option storage'],
      [{ storage: { read: storage.read } }, 'Option storage.replace'],
      [{ storage, algorithm: 'RS256' }, 'Option algorithm'],
      [{ storage, algorithm: 'HS256' }, 'Option algorithm'],
      [{ storage, longestTokenLife: 0 }, 'Option longestTokenLife'],
      [{ storage, rotateEvery: '20m' }, 'Option rotateEvery must be longer than'],
      [{ storage, keys: 'secret' }, 'Option keys.load'],
      [{ storage, secret: 'x' }, 'Option secret does not exist'],
    ]
    for (const [options, message] of wrong) {
      expect(() => createKeyRing(options as KeyRingOptions)).toThrow(message)
    }
  })
})

function setUp(options: Partial<KeyRingOptions> = {}) {
  const environment = (options.environment as FakeEnvironment) ?? new FakeEnvironment({ now: NOW * 1000 })
  const ring = createKeyRing({ storage: ephemeralSigningKeys(), ...options, environment })
  const verifier = createAccessTokenVerifier({
    issuer: ISSUER,
    audience: AUDIENCE,
    jwks: ring,
    clockTolerance: '5m',
    environment,
  })
  const sign = async (more: { readonly expiresIn?: '1h' } = {}) => {
    const content = { subject: 'user-1', audience: AUDIENCE, clientId: 'shop', ...more }
    return (await signAccessToken({ issuer: ISSUER, ring, environment }, content)).token
  }
  const outcome = async (text: string) => {
    const found = await verifier.verify(text)
    return found.ok ? 'ok' : found.reason
  }
  return { ring, environment, sign, outcome }
}

/** A place that others can read, too. */
function shared(): SigningKeyStorage {
  return { ...ephemeralSigningKeys(), description: 'table of settings', private: false }
}

async function stranger(): Promise<(kid: string) => string> {
  const { ecKey } = await import('./forge.ts')
  const key = ecKey('x')
  expect(() => keyOf(key.jwk)).toThrow()
  return (kid) => forgedToken({ ...key, jwk: { kid } })
}

function kids(list: readonly { readonly kid: string }[]): string[] {
  return list.map(({ kid }) => kid)
}

function states(list: readonly { readonly state: string }[]): string[] {
  return list.map(({ state }) => state)
}

function kidOf(text: string): string {
  return JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString()).kid
}
