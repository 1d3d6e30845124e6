import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Session } from '../../src/http/session.ts'
import { createSessions } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'

const shop = createSessions<object>({ store: memory() })
const admin = createSessions<object>({ store: memory(), name: 'admin' })

describe('the session of a carrier', () => {
  it.each([
    ['a request', {}],
    ['an object that takes no property', Object.freeze({})],
  ])('is found by %s, for each kind of sessions by itself', (_, carrier) => {
    const [ofShop, ofAdmin] = [session(), session()]
    shop.attach(carrier, ofShop)
    expect(shop.of(carrier)).toBe(ofShop)
    expect(() => admin.of(carrier)).toThrow(expect.objectContaining({ code: 'ERR_NO_SESSION_CONTEXT' }))
    admin.attach(carrier, ofAdmin)
    expect([shop.of(carrier), admin.of(carrier)]).toEqual([ofShop, ofAdmin])
  })

  it('is the one attached last', () => {
    const carrier = {}
    const [first, second] = [session(), session()]
    shop.attach(carrier, first)
    shop.attach(carrier, second)
    expect(shop.of(carrier)).toBe(second)
  })

  it('P6 shows in neither the names nor the JSON of the carrier', () => {
    const carrier = { url: '/' }
    shop.attach(carrier, session())
    expect(Object.keys(carrier)).toEqual(['url'])
    expect(JSON.stringify(carrier)).toBe('{"url":"/"}')
    expect(inspect(carrier)).not.toContain('token')
  })
})

function session(): Session<object> {
  return Object.freeze({}) as Session<object>
}
