import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { OneTimeRecords } from '../../src/core/one-time.ts'
import type { SessionInfo, SessionPage } from '../../src/core/session-info.ts'
import type { Session } from '../../src/http/session.ts'
import { createSessions } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { createKeyRing, createTokens, ephemeralSigningKeys } from '../../src/tokens/index.ts'
import { FIREFOX, loginRequest } from '../helpers/nodes.ts'

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

describe('listing all sessions', () => {
  it('P6 tells of visitors and users, page by page, without what only hangs on sessions and without secrets', async () => {
    const sessions = createSessions<object>({ store: memory() })
    const tokens = createTokens({
      sessions,
      keys: createKeyRing({ storage: ephemeralSigningKeys() }),
      issuer: ISSUER,
    })
    const visitor = await sessions.manager.start({ transport: 'cookie', context: FIREFOX, data: {} })
    const ids = new Set([visitor.session.record.id])
    for (const userId of ['ada', 'bob', 'ada']) {
      const { session } = await sessions.manager.login(null, loginRequest(userId))
      ids.add(session.record.id)
      const issued = await tokens.issue(session.record, { id: 'app', audience: 'https://api.example' })
      expect(issued.ok).toBe(true)
    }
    await new OneTimeRecords(sessions.manager, 'ticket').issue({}, 60_000)
    const found: SessionInfo[] = []
    let cursor: string | null = null
    do {
      const page: SessionPage = await sessions.listAll({ limit: 2, cursor })
      found.push(...page.sessions)
      cursor = page.cursor
    } while (cursor !== null)
    expect(new Set(found.map(({ id }) => id))).toEqual(ids)
    expect(JSON.stringify(found)).not.toMatch(/secret|salt|hash|data/i)
    await sessions.close()
  })
})

const ISSUER = 'https://accounts.example'

function session(): Session<object> {
  return Object.freeze({}) as Session<object>
}
