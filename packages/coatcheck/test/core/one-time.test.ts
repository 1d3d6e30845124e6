import { describe, expect, it } from 'vitest'
import { OneTimeRecords } from '../../src/core/one-time.ts'
import { createNodes, keysOf, MINUTE } from '../helpers/nodes.ts'

describe('a code', () => {
  it('brings its data to the first who redeems it, and nothing to anybody else', async () => {
    const { here, there } = two()
    const code = await here.issue({ userId: 'ada', origins: ['https://a.example'] }, MINUTE)
    expect(code).toMatch(/^[\w-]{32}$/)
    expect(await there.redeem(code)).toEqual({ userId: 'ada', origins: ['https://a.example'] })
    expect(await there.redeem(code)).toBe('used')
    expect(await here.redeem(code)).toBe('used')
  })

  it('is redeemed once by fifty at once, on two nodes', async () => {
    const { here, there } = two()
    const code = await here.issue({ n: 1 }, MINUTE)
    const all = Array.from({ length: 50 }, (_, i) => (i % 2 ? here : there).redeem(code))
    const redeemed = (await Promise.all(all)).filter((data) => data !== 'used')
    expect(redeemed).toEqual([{ n: 1 }])
  })

  it('is over at its time', async () => {
    const { here, environment } = two()
    const [early, late] = [await here.issue({}, MINUTE), await here.issue({}, MINUTE)]
    environment.advance(MINUTE - 1)
    expect(await here.redeem(early)).toEqual({})
    environment.advance(1)
    expect(await here.redeem(late)).toBe('unknown')
  })

  it('is good for its own kind and instance only, and nothing else is a code', async () => {
    const { here, other, stranger, store } = two()
    const code = await here.issue({}, MINUTE)
    expect(await other.redeem(code)).toBe('unknown')
    expect(await stranger.redeem(code)).toBe('unknown')
    for (const text of ['', code.slice(1), `${code}A`, code.toLowerCase(), '__proto__', '\ud800']) {
      expect(await here.redeem(text)).toBe('unknown')
    }
    expect(JSON.stringify(store.calls)).not.toContain(code)
    expect(await here.redeem(code)).toEqual({})
  })
})

describe('a flood of what nobody issued', () => {
  it('costs the store nothing, whatever form it has', async () => {
    const { here, store, environment } = two()
    const code = await here.issue({}, MINUTE)
    store.clearCalls()
    for (let i = 0; i < 1_000; i++) {
      const bytes = Buffer.from(environment.randomBytes(24))
      // Half of them with the version and slot of codes of ours.
      if (i % 2) bytes[0] = Buffer.from(code, 'base64url')[0] ?? 0
      expect(await here.redeem(bytes.toString('base64url'))).toBe('unknown')
    }
    for (let at = 0; at < code.length; at++) {
      const changed = code[at] === 'A' ? 'B' : 'A'
      expect(await here.redeem(code.slice(0, at) + changed + code.slice(at + 1))).toBe('unknown')
    }
    expect(store.calls).toEqual([])
    expect(await here.redeem(code)).toEqual({})
  })

  it('is told from codes of before a change of keys, as long as the ring has their key', async () => {
    const [before, after] = createNodes(
      { keys: keysOf([0, 'current']) },
      { keys: keysOf([0, 'retired'], [1, 'current']) },
    )
    const codes = [before, after].map(({ manager }) => new OneTimeRecords(manager, 'ticket'))
    for (const [issuer, other] of [codes, codes.toReversed()] as OneTimeRecords[][]) {
      const code = (await issuer?.issue({ n: 1 }, MINUTE)) ?? ''
      expect(await other?.redeem(code)).toEqual(issuer === codes[0] ? { n: 1 } : 'unknown')
    }
  })
})

describe('a number that must not come twice', () => {
  it('comes first once for all nodes together, until its time is over', async () => {
    const { here, there, environment } = two()
    const came = await Promise.all([here.first('jti', MINUTE), there.first('jti', MINUTE)])
    expect(came.sort()).toEqual([false, true])
    environment.advance(MINUTE - 1)
    expect(await here.first('jti', MINUTE)).toBe(false)
    expect(await here.first('another', MINUTE)).toBe(true)
  })
})

function two() {
  const [a, b] = createNodes()
  const [c] = createNodes({ store: a.store, environment: a.environment, name: 'another' })
  return {
    environment: a.environment,
    store: a.store,
    here: new OneTimeRecords(a.manager, 'hand-off'),
    there: new OneTimeRecords(b.manager, 'hand-off'),
    other: new OneTimeRecords(a.manager, 'ticket'),
    stranger: new OneTimeRecords(c.manager, 'hand-off'),
  }
}
