import { describe, expect, it, vi } from 'vitest'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import type { RemoteJwksOptions } from '../../../src/tokens/index.ts'
import { ecKey, NOW, type TestKey, token, verifierOf } from './forge.ts'

const URL_OF_KEYS = 'https://accounts.example.com/jwks.json'
const key = ecKey('a')
const other = ecKey('b')

describe('a JWKS on the network', () => {
  it('JWT-15 is fetched when it is first needed, once for all who wait, and then kept', async () => {
    const { endpoint, outcome, verifier } = remote()
    expect(endpoint).not.toHaveBeenCalled()
    const texts = Array.from({ length: 50 }, (_, i) => token(key, { jti: `t${i}` }))
    expect(new Set(await Promise.all(texts.map(outcome)))).toEqual(new Set(['ok']))
    expect(verifier.verify(texts[0] ?? '')).not.toBeInstanceOf(Promise)
    expect(endpoint).toHaveBeenCalledTimes(1)
    const [url, init] = endpoint.mock.calls[0] ?? []
    expect(String(url)).toBe(URL_OF_KEYS)
    expect(init).toMatchObject({ redirect: 'error', headers: { accept: expect.stringContaining('json') } })
  })

  it('JWT-15 a thousand unknown kids cause one fetch', async () => {
    const { endpoint, outcome, environment } = remote()
    await outcome(token(key))
    environment.advance(30_000)
    const texts = Array.from({ length: 1_000 }, (_, i) => token({ ...other, jwk: { kid: `k${i}` } }))
    expect(new Set(await Promise.all(texts.map(outcome)))).toEqual(new Set(['unknown-key']))
    for (const text of texts.slice(0, 100)) expect(await outcome(text)).toBe('unknown-key')
    expect(endpoint).toHaveBeenCalledTimes(2)
    environment.advance(29_999)
    expect(await outcome(texts[0] ?? '')).toBe('unknown-key')
    expect(endpoint).toHaveBeenCalledTimes(2)
    environment.advance(1)
    expect(await outcome(texts[0] ?? '')).toBe('unknown-key')
    expect(endpoint).toHaveBeenCalledTimes(3)
  })

  it('JWT-15 a new key is found at its first token', async () => {
    const { publish, outcome, environment } = remote()
    expect(await outcome(token(key))).toBe('ok')
    publish([key, other])
    environment.advance(30_000)
    expect(await outcome(token(other))).toBe('ok')
  })

  it('JWT-15 is fetched again in the background before it lapses, so that nobody waits', async () => {
    const { endpoint, verifier, environment } = remote()
    const text = token(key, { exp: NOW + 80_000 })
    await verifier.verify(text)
    for (let minute = 1; minute <= 60; minute++) {
      await environment.advanceAndSettle(60_000)
      expect(verifier.verify(text)).not.toBeInstanceOf(Promise)
    }
    expect(endpoint.mock.calls.length).toBeGreaterThanOrEqual(7)
    expect(endpoint.mock.calls.length).toBeLessThanOrEqual(13)
  })

  it('JWT-15 fails closed: keys that have lapsed and cannot be fetched let nobody in, and it is no refusal', async () => {
    const { endpoint, outcome, environment } = remote()
    const text = token(key, { exp: NOW + 80_000 })
    expect(await outcome(text)).toBe('ok')
    endpoint.mockImplementation(() => Promise.reject(new TypeError('connection refused')))
    await environment.advanceAndSettle(599_999)
    expect(await outcome(text)).toBe('ok')
    await environment.advanceAndSettle(1)
    await expect(outcome(text)).rejects.toMatchObject({
      code: 'ERR_KEYS_UNAVAILABLE',
      status: 503,
      retryable: true,
      cause: { message: 'connection refused' },
    })
    // And comes back by itself.
    endpoint.mockImplementation(async () => answer([key]))
    await environment.advanceAndSettle(2_000)
    expect(await outcome(text)).toBe('ok')
  })

  it('JWT-15 an endpoint that is down from the start is asked at a limited rate', async () => {
    const { endpoint, outcome, environment } = remote()
    endpoint.mockImplementation(() => Promise.reject(new Error('down')))
    for (let i = 0; i < 100; i++) await expect(outcome(token(key))).rejects.toThrow('accounts.example.com')
    expect(endpoint).toHaveBeenCalledTimes(1)
    environment.advance(2_000)
    await expect(outcome(token(key))).rejects.toMatchObject({ code: 'ERR_KEYS_UNAVAILABLE' })
    expect(endpoint).toHaveBeenCalledTimes(2)
  })

  it('P10 an unknown kid is not called unknown while the endpoint cannot be asked', async () => {
    const { endpoint, outcome, environment } = remote()
    expect(await outcome(token(key))).toBe('ok')
    environment.advance(30_000)
    endpoint.mockImplementation(() => Promise.reject(new Error('down')))
    for (let i = 0; i < 2; i++) {
      await expect(outcome(token(other))).rejects.toMatchObject({ code: 'ERR_KEYS_UNAVAILABLE' })
    }
    expect(await outcome(token(key))).toBe('ok')
  })

  it('JWT-15 a withdrawn key is good for cacheFor at most, also for tokens that were verified before', async () => {
    const { publish, outcome, environment } = remote({ cacheFor: '1m' })
    const text = token(key, { exp: NOW + 80_000 })
    expect(await outcome(text)).toBe('ok')
    publish([other])
    await environment.advanceAndSettle(60_000)
    expect(await outcome(text)).toBe('unknown-key')
  })

  it.each([
    ['public, max-age=60', 60_000],
    ['max-age=60, must-revalidate', 60_000],
    ['max-age=10', 30_000],
    ['no-store', 30_000],
    ['max-age=86400', 600_000],
    ['s-maxage=5', 600_000],
    ['max-age=soon', 600_000],
  ])(
    'JWT-15 is kept for as long as the answer allows, within the configured bounds: %s',
    async (cacheControl, life) => {
      const { endpoint, verifier, environment } = remote()
      endpoint.mockImplementation(async () => answer([key], { 'cache-control': cacheControl }))
      const text = token(key, { exp: NOW + 80_000 })
      await verifier.verify(text)
      endpoint.mockImplementation(() => Promise.reject(new Error('down')))
      environment.advance(life - 1)
      expect(verifier.verify(text)).not.toBeInstanceOf(Promise)
      environment.advance(1)
      await expect((async () => verifier.verify(text))()).rejects.toMatchObject({
        code: 'ERR_KEYS_UNAVAILABLE',
      })
    },
  )

  it('JWT-15 another key under the same kid takes the place of the old one, and of what that has signed', async () => {
    const { publish, outcome, environment } = remote({ cacheFor: '1m' })
    const again = ecKey('a')
    const text = token(key, { exp: NOW + 80_000 })
    expect(await outcome(text)).toBe('ok')
    publish([again])
    await environment.advanceAndSettle(60_000)
    expect(await outcome(text)).toBe('signature')
    expect(await outcome(token(again))).toBe('ok')
  })

  it('counts the time that the answer has been in a cache on its way', async () => {
    const { endpoint, verifier, environment } = remote()
    endpoint.mockImplementation(async () => answer([key], { 'cache-control': 'max-age=600', age: '500' }))
    const text = token(key, { exp: NOW + 80_000 })
    await verifier.verify(text)
    environment.advance(99_999)
    expect(verifier.verify(text)).not.toBeInstanceOf(Promise)
    environment.advance(1)
    expect(verifier.verify(text)).toBeInstanceOf(Promise)
  })
})

describe('an answer that is no key set', () => {
  const json = JSON.stringify({ keys: [key.jwk] })
  const refused: readonly (readonly [string, () => Response | Promise<Response>])[] = [
    ['another status', () => new Response(json, { status: 203 })],
    ['an error', () => new Response(json, { status: 500 })],
    ['no JSON', () => new Response('<html>')],
    ['a list', () => new Response('[]')],
    ['no keys', () => new Response('{}')],
    ['keys that are no list', () => new Response('{"keys":{}}')],
    ['an empty list', () => new Response('{"keys":[]}')],
    ['a member twice', () => new Response(json.replace('{', '{"keys":[],'))],
    ['a kid twice', () => answer([key, ecKey('a')])],
    ['secrets alone', () => Response.json({ keys: [{ ...key.jwk, d: 'AAAA' }] })],
    ['a byte order mark', () => new Response(Buffer.from(`\ufeff${json}`))],
    [
      'too many keys',
      () => answer(Array.from({ length: 101 }, (_, i) => ({ ...key, jwk: { ...key.jwk, kid: `${i}` } }))),
    ],
    ['more than 256 kB', () => new Response(json + ' '.repeat(262_144))],
    ['no end', () => new Response(endless())],
  ]

  it.each(refused)('JWT-15 is refused: %s', async (_, response) => {
    const { endpoint, outcome } = remote()
    endpoint.mockImplementation(async () => response())
    await expect(outcome(token(key))).rejects.toMatchObject({ code: 'ERR_KEYS_UNAVAILABLE' })
  })

  it('JWT-12 is taken without the keys that are weak, unknown or not for signatures', async () => {
    const { endpoint, outcome } = remote()
    const faults = [
      { kty: 'XYZ', kid: 'x' },
      { ...ecKey('enc').jwk, use: 'enc' },
      { kty: 'RSA', n: 'AQAB', e: 'Aw', kid: 'weak' },
      // For which anybody can sign.
      { kty: 'OKP', crv: 'Ed25519', x: `AQ${'A'.repeat(41)}`, kid: 'small order' },
      7,
    ]
    endpoint.mockImplementation(async () => Response.json({ keys: [...faults, key.jwk] }))
    expect(await outcome(token(key))).toBe('ok')
  })

  it('P10 that never comes is given up after the timeout', async () => {
    const { endpoint, outcome, environment } = remote()
    endpoint.mockImplementation(
      (_, init) =>
        new Promise((_resolve, reject) => {
          init.signal?.addEventListener('abort', () => reject(init.signal?.reason))
        }),
    )
    const waiting = outcome(token(key))
    const caught = expect(waiting).rejects.toMatchObject({
      code: 'ERR_KEYS_UNAVAILABLE',
      cause: { message: 'No answer within 5000 ms.' },
    })
    environment.advance(5_000)
    await caught
  })

  it('contains no key in the error', async () => {
    const { endpoint, outcome } = remote()
    endpoint.mockImplementation(async () => Response.json({ keys: [{ ...key.jwk, d: 'c2VjcmV0' }] }))
    const error = await outcome(token(key)).catch((thrown: unknown) => thrown)
    expect(`${error} ${(error as Error).cause}`).toContain('key 1 contains a secret')
    expect(`${error} ${(error as Error).cause}`).not.toMatch(new RegExp(`c2VjcmV0|${key.jwk.x}`))
  })
})

describe('its options', () => {
  it.each([
    'http://localhost:3000/jwks',
    'http://127.0.0.1/jwks',
    'http://[::1]/jwks',
    'http://auth.localhost/jwks',
    'https://a.example',
  ])('allow %s', (url) => {
    expect(() => verifierOf([], { jwks: url })).not.toThrow()
    expect(() => verifierOf([], { jwks: new URL(url) })).not.toThrow()
  })

  it('JWT-03 refuse a URL over which anybody on the way could hand out keys', () => {
    for (const url of [
      'http://accounts.example.com/jwks',
      'http://localhost.example.com',
      'http://127.0.0.1.example',
      'file:///etc/jwks',
      'data:application/json,{}',
      '/jwks.json',
      '',
    ]) {
      expect(() => verifierOf([], { jwks: { url } })).toThrow('Option jwks must be an https URL')
    }
  })

  it('refuse what nothing reads, and a cooldown above the life of the keys', () => {
    const options = (more: object) => ({ jwks: { url: URL_OF_KEYS, ...more } as RemoteJwksOptions })
    expect(() => verifierOf([], options({ ttl: 5 }))).toThrow('Option jwks.ttl does not exist')
    expect(() => verifierOf([], options({ cacheFor: '10s' }))).toThrow('jwks.cooldown')
    expect(() => verifierOf([], options({ fetch: 'axios' }))).toThrow('jwks.fetch')
  })
})

function remote(options: Partial<RemoteJwksOptions> = {}) {
  let published: readonly TestKey[] = [key]
  const endpoint = vi.fn(
    (_url: URL, _init: RequestInit): Promise<Response> => Promise.resolve(answer(published)),
  )
  const environment = new FakeEnvironment({ now: NOW * 1000 })
  const jwks = { url: URL_OF_KEYS, fetch: endpoint, ...options }
  const made = verifierOf([], { jwks, environment, clockTolerance: '5m' })
  const publish = (keys: readonly TestKey[]) => {
    published = keys
  }
  return { ...made, environment, endpoint, publish }
}

function answer(keys: readonly TestKey[], headers: Record<string, string> = {}): Response {
  return Response.json({ keys: keys.map(({ jwk }) => jwk) }, { headers })
}

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(32)) })
}
