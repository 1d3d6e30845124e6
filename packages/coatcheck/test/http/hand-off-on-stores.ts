import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createHandOff, createSessions, keyRing, type Sessions } from '../../src/index.ts'
import { Browser } from '../helpers/browser.ts'
import { type LoadStore, openStore } from '../stores/load-stores.ts'

const SHOP = 'https://shop.example/hand-off'
const OTHER = 'https://other.test/hand-off'

/** A node of one of the sites, with a connection to the store of its own. */
interface Site {
  readonly sessions: Sessions<object>
  readonly opened: LoadStore
}

/** A hand-off between two sites over a real engine, each with a near cache that hears of changes, or without one. */
export function describeHandOff(driver: string, addressOf: () => string): void {
  describe.each([true, false])(`CORS-06 a hand-off on ${driver}, near cache %s`, (nearCache) => {
    let shop: Site
    let other: Site

    beforeAll(async () => {
      shop = await openSite(driver, addressOf(), nearCache)
      other = await openSite(driver, addressOf(), nearCache)
    })
    afterAll(async () => {
      for (const { sessions, opened } of [shop, other]) {
        await sessions.close()
        await opened.end()
      }
    })

    it('signs in once, and P9 ends with the session that it comes from, whichever side ends first', async () => {
      for (const first of ['shop', 'other'] as const) {
        const { atShop, atOther, again } = await handOver(shop.sessions, other.sessions)
        expect(again).toBe('used')
        // Known to the near caches of both nodes.
        for (let i = 0; i < 3; i++)
          expect([await userAt(atShop), await userAt(atOther)]).toEqual(['ada', 'ada'])
        const [ends, ended] = first === 'shop' ? [atShop, atOther] : [atOther, atShop]
        await ends.post((session) => session.logout())
        await vi.waitFor(async () => expect(await userAt(ended)).toBeNull(), { timeout: 3_000, interval: 20 })
        expect((await shop.sessions.list('ada')).sessions).toEqual([])
      }
    })

    it('P9 ends also where only the other’s record was ended, and nobody came to end this one', async () => {
      const { atShop, atOther } = await handOver(shop.sessions, other.sessions)
      const { value: id } = await atShop.get((session) => session.id)
      await shop.opened.store.end(id as NonNullable<typeof id>, { reason: 'logout' })
      await vi.waitFor(async () => expect(await userAt(atOther)).toBeNull(), { timeout: 3_000, interval: 20 })
    })

    it('P5 stays linked through step-ups on both sides', async () => {
      const { atShop, atOther } = await handOver(shop.sessions, other.sessions)
      for (const browser of [atShop, atOther, atShop]) {
        await browser.post((session) => session.reauthenticate())
        expect([await userAt(atShop), await userAt(atOther)]).toEqual(['ada', 'ada'])
      }
      await atOther.post((session) => session.logout())
      await vi.waitFor(async () => expect(await userAt(atShop)).toBeNull(), { timeout: 3_000, interval: 20 })
    })
  })
}

async function openSite(driver: string, address: string, nearCache: boolean): Promise<Site> {
  const opened = openStore(driver, address)
  await opened.connect()
  const keys = keyRing([{ slot: 1, state: 'current', key: Buffer.alloc(32, 'a key').toString('base64url') }])
  const sessions = createSessions<object>({ store: opened.store, keys, nearCache, sweepInterval: false })
  await sessions.open()
  return { sessions, opened }
}

async function handOver(shop: Sessions<object>, other: Sessions<object>) {
  const at = {
    shop: createHandOff(shop, { callback: SHOP, sites: [OTHER] }),
    other: createHandOff(other, { callback: OTHER, sites: [SHOP] }),
  }
  const [atShop, atOther] = [new Browser(shop), new Browser(other, { connection: { host: 'other.test' } })]
  await atShop.post((session) => session.login('ada'))
  const begun = at.other.begin({ at: 'https://shop.example/issue' })
  atOther.jar.store(begun.setCookies)
  const [to, challenge] = [OTHER, new URL(begun.location).searchParams.get('challenge')]
  const { value: issued } = await atShop.get((session) => at.shop.issue(session, { to, challenge }))
  const { code, state } = Object.fromEntries(new URL(issued?.ok ? issued.location : OTHER).searchParams)
  const cookie = atOther.jar.header
  const receive = () => atOther.get((session) => at.other.receive(session, { code, state, cookie }))
  expect((await receive()).value).toMatchObject({ ok: true })
  const { value: again } = await new Browser(other).get((s) => at.other.receive(s, { code, state, cookie }))
  return { atShop, atOther, again: again?.ok === false ? again.reason : 'taken' }
}

const userAt = async (browser: Browser<object>) => (await browser.get((session) => session.userId)).value
