import { describe, expect, it } from 'vitest'
import { toApiKeyText } from '../../../src/core/api-key-text.ts'
import { newSecret, newSessionId } from '../../../src/core/token.ts'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import { sourceOf } from '../../../src/tokens/api-keys/guess-limit.ts'
import { RateTable } from '../../../src/tokens/api-keys/rate-table.ts'
import { MINUTE, SECOND } from '../../helpers/nodes.ts'
import { make, reason } from './key-cases.ts'
import { createKeyNode, type KeyNode } from './key-nodes.ts'

const THIEF = { address: '198.51.100.9' }

describe('API-06 guesses', () => {
  it.each([
    ['without a right checksum', () => 'shop_guess'],
    ['of the right form', wellFormed],
  ])('1,000 of them %s: 20 are refused, the rest told to wait, and one event says so', async (_, guess) => {
    const node = createKeyNode()
    await node.apiKeys.open()
    node.store.clearCalls()
    const reasons: string[] = []
    for (let i = 0; i < 1_000; i++) reasons.push(await reason(node.apiKeys, guess(node), THIEF))
    expect(reasons.filter((one) => one === 'rate-limited')).toHaveLength(980)
    expect(reasons.indexOf('rate-limited')).toBe(20)
    expect(node.store.calls.length).toBeLessThanOrEqual(20)
    expect(node.events.all).toEqual([
      expect.objectContaining({
        name: 'keys-guessed',
        source: '198.51.100.9',
        attempts: 21,
        sessionId: null,
      }),
    ])
  })

  it('are reported again after a minute, with what has come since', async () => {
    const node = createKeyNode()
    for (let minute = 0; minute < 3; minute++) {
      for (let i = 0; i < 100; i++) await reason(node.apiKeys, wellFormed(node), THIEF)
      node.environment.advance(MINUTE)
    }
    const attempts = node.events.of('keys-guessed').map((event) => event.attempts)
    expect(attempts).toEqual([21, 100, 100])
  })

  it('tell when to come back, and are heard again then', async () => {
    const node = createKeyNode()
    for (let i = 0; i < 20; i++) await reason(node.apiKeys, 'guess', THIEF)
    const verdict = await node.apiKeys.verify('guess', THIEF)
    expect(verdict).toMatchObject({ reason: 'rate-limited', retryAfter: 3 * SECOND })
    node.environment.advance(3 * SECOND)
    expect(await reason(node.apiKeys, 'guess', THIEF)).toBe('malformed')
    expect(await reason(node.apiKeys, 'guess', THIEF)).toBe('rate-limited')
  })

  it('keep nobody else waiting, and no key that this node knows', async () => {
    const node = createKeyNode({ nearCache: true })
    const [known, other] = [await make(node.apiKeys), await make(node.apiKeys)]
    for (let i = 0; i < 2; i++) await node.apiKeys.verify(known.text)
    for (let i = 0; i < 50; i++) await reason(node.apiKeys, wellFormed(node), THIEF)
    expect(await reason(node.apiKeys, known.text, THIEF)).toBe('ok')
    expect(await reason(node.apiKeys, other.text, THIEF)).toBe('rate-limited')
    expect(await reason(node.apiKeys, other.text, { address: '198.51.100.10' })).toBe('ok')
  })

  it.each([
    ['of one source', THIEF],
    ['of nowhere', {}],
  ])('%s keep no key waiting that has been good here before, without a near cache either', async (_, use) => {
    const node = createKeyNode()
    const [used, unused] = [await make(node.apiKeys), await make(node.apiKeys)]
    expect(await reason(node.apiKeys, used.text)).toBe('ok')
    for (let i = 0; i < 100; i++) await reason(node.apiKeys, wellFormed(node), use)
    for (let i = 0; i < 100; i++) expect(await reason(node.apiKeys, used.text, use)).toBe('ok')
    expect(await reason(node.apiKeys, unused.text, use)).toBe('rate-limited')
  })

  it('with the id of such a key wait, and so does the key once it has ended', async () => {
    const node = createKeyNode()
    const { text, key } = await make(node.apiKeys)
    await node.apiKeys.verify(text, THIEF)
    const guess = toApiKeyText('shop', key.id, newSecret(node.environment))
    for (let i = 0; i < 20; i++) expect(await reason(node.apiKeys, guess, THIEF)).toBe('unknown')
    expect(await reason(node.apiKeys, guess, THIEF)).toBe('rate-limited')
    await node.apiKeys.revoke(key.id)
    expect(await reason(node.apiKeys, text, THIEF)).toBe('ended')
    node.store.clearCalls()
    expect(await reason(node.apiKeys, text, THIEF)).toBe('rate-limited')
    expect(node.store.calls).toEqual([])
  })

  it('are not what a key that is over, or lacks a scope, counts as', async () => {
    const node = createKeyNode()
    const { text, key } = await make(node.apiKeys)
    for (let i = 0; i < 50; i++)
      expect(await reason(node.apiKeys, text, { ...THIEF, scopes: ['x'] })).toBe('scope')
    await node.apiKeys.rotate(key.id, { overlap: 1 })
    node.environment.advance(1)
    expect(await reason(node.apiKeys, text, THIEF)).toBe('expired')
    expect(node.events.of('keys-guessed')).toEqual([])
  })

  it('from a whole network of IPv6 are from one source, and those from nowhere share one', () => {
    expect(sourceOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
    expect(sourceOf('2001:db8:1:2:ffff::1')).toBe('2001:db8:1:2::/64')
    expect(sourceOf('::ffff:203.0.113.7')).toBe('203.0.113.7')
    expect(sourceOf('203.0.113.7')).toBe('203.0.113.7')
    for (const nowhere of [null, '', 'unknown', '999.1.1.1']) expect(sourceOf(nowhere)).toBeNull()
  })

  it('of unknown source are limited together to what a store bears', async () => {
    const node = createKeyNode()
    await node.apiKeys.open()
    node.store.clearCalls()
    for (let i = 0; i < 500; i++) await node.apiKeys.verify(wellFormed(node))
    expect(node.store.calls.length).toBeLessThanOrEqual(50)
    node.environment.advance(SECOND)
    expect(await reason(node.apiKeys, wellFormed(node))).toBe('unknown')
  })

  it('from more sources than are remembered forget the oldest', () => {
    const environment = new FakeEnvironment()
    const table = new RateTable(environment, { count: 1, per: 1_000 }, 100)
    for (let i = 0; i < 10_000; i++) table.take(`source ${i}`)
    expect(table.size).toBeLessThanOrEqual(100)
    expect(table.waitOf('source 9999')).toBe(1_000)
    environment.advance(1_000)
    table.take('one more')
    expect(table.size).toBe(1)
  })
})

describe('API-04 the rate of one key', () => {
  it('is limited by a burst, and comes back with time', async () => {
    const node = createKeyNode({ rateLimit: { count: 10, per: '10s' } })
    const [{ text }, other] = [await make(node.apiKeys), await make(node.apiKeys)]
    for (let i = 0; i < 10; i++) expect(await reason(node.apiKeys, text)).toBe('ok')
    expect(await node.apiKeys.verify(text)).toMatchObject({ reason: 'rate-limited', retryAfter: 1_000 })
    expect(await reason(node.apiKeys, other.text)).toBe('ok')
    node.environment.advance(1_000)
    expect(await reason(node.apiKeys, text)).toBe('ok')
    expect(await reason(node.apiKeys, text)).toBe('rate-limited')
  })

  it('is what a hook says, which is told the key and its use, at once or later', async () => {
    const seen: unknown[] = []
    for (const wait of [0, null, 2_500, Promise.resolve(0), Promise.resolve(2_500)]) {
      const node = createKeyNode({
        rateLimit: (key, use) => {
          seen.push([key.owner, use.address])
          return wait
        },
      })
      const { text } = await make(node.apiKeys)
      const verdict = await node.apiKeys.verify(text, THIEF)
      if ((await wait) === 2_500) expect(verdict).toMatchObject({ ok: false, retryAfter: 2_500 })
      else expect(verdict.ok).toBe(true)
    }
    expect(seen).toEqual(Array(5).fill(['ada', '198.51.100.9']))
  })

  it('AUD-04 refuses where the hook fails, and counts no use', async () => {
    const node = createKeyNode({
      rateLimit: () => {
        throw new Error('limiter is down')
      },
    })
    const { text } = await make(node.apiKeys)
    await expect((async () => node.apiKeys.verify(text))()).rejects.toThrow('limiter is down')
    await node.apiKeys.flush()
    expect(node.store.calls.map(({ method }) => method)).not.toContain('touch')
  })
})

function wellFormed({ environment }: KeyNode): string {
  return toApiKeyText('shop', newSessionId(environment, null), newSecret(environment))
}
