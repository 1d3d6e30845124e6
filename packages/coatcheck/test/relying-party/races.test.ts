import { describe, expect, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import { FakeEnvironment } from '../../src/testing/index.ts'
import { everyOrder, Turns } from './orders.ts'
import { FakeProvider, ISSUER } from './provider.ts'
import { begin, callback, createShop, visitorOf } from './shop.ts'

/** A sign-in on one node whose notice of logout arrives on another, in this order of their calls to the store. */
async function race(order: ReturnType<typeof everyOrder>[number], claims: Readonly<Record<string, unknown>>) {
  const environment = new FakeEnvironment()
  const provider = new FakeProvider(environment)
  const store = memory()
  const turns = new Turns(order)
  const one = createShop({ environment, provider, store: turns.storeOf('login', store) })
  const two = createShop({ environment, provider, store: turns.storeOf('notice', store) })
  await Promise.all([one.sessions.open(), two.sessions.open()])
  const browser = visitorOf(one)
  const url = provider.authorize(await begin(one, browser), { sub: 'ada', sid: 's1' })
  const notice = provider.notice(claims)
  await turns.run({
    login: () => callback(one, browser, url),
    notice: async () => expect(await two.relyingParty.receiveLogout(notice)).toMatchObject({ status: 200 }),
  })
  const steps = { login: turns.went('login'), notice: turns.went('notice') }
  const { sessions } = await one.sessions.list(`ada of ${ISSUER}`)
  return { steps, left: sessions.length }
}

describe('SSO-04 a notice of logout that meets its own sign-in', () => {
  it.each([[{ sid: 's1' }], [{ sub: 'ada' }]])(
    'SSO-04 wins in every order of their steps: %j',
    async (claims) => {
      const { steps } = await race([], claims)
      expect(steps.login).toBeGreaterThanOrEqual(4)
      expect(steps.notice).toBeGreaterThanOrEqual(2)
      for (const order of everyOrder(steps.login, 5)) {
        const { left } = await race(order, claims)
        expect(left, order.join(' ')).toBe(0)
      }
    },
  )
})
