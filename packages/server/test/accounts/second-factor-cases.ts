import { FakeEnvironment } from 'coatcheck/testing'
import { describe, expect, it } from 'vitest'
import type { Account } from '../../src/accounts/accounts.ts'
import type { Authority } from '../../src/authority.ts'
import { authenticator } from '../helpers/authenticator.ts'
import type { OpenFleet } from './account-cases.ts'

const FROM = { address: '192.0.2.1', device: null }
const SYSTEM = { kind: 'system', id: null } as const

/** Second steps over one engine. */
export function secondFactorCases(engine: string, openFleet: OpenFleet): void {
  async function open() {
    const environment = new FakeEnvironment()
    const [one, other] = (await openFleet(2, environment)) as [Authority, Authority]
    const made = await one.accounts.create({ name: 'Ada', password: null })
    if (!made.ok) throw new Error(made.reason)
    const ada = made.account
    const factors = one.accounts.secondFactors
    const enrol = async (account: Account = ada) => {
      const { sealed, key } = factors.propose(account, 'Site')
      const app = authenticator(key, () => environment.now())
      const codes = (await factors.add(account, sealed, app.code())) ?? []
      return { app, codes, sealed }
    }
    const enter = (code: string, more: object = {}, at = one) =>
      at.accounts.secondFactors.verify({ account: ada, code, ...FROM, ...more })
    return { environment, one, other, ada, factors, enrol, enter, ...(await enrol()) }
  }

  describe(`second steps on ${engine}`, () => {
    it('take a code of the app once, for all processes together', async () => {
      const { app, environment, enter, other, one } = await open()
      // The code that turned it on is used.
      expect((await enter(app.code())).ok).toBe(false)
      environment.advance(30_000)
      const tries = Array.from({ length: 4 }, (_, n) => enter(app.code(), {}, n % 2 ? other : one))
      expect((await Promise.all(tries)).filter(({ ok }) => ok)).toHaveLength(1)
      expect((await enter(app.code())).ok).toBe(false)
      // One step ahead is good, and nothing before it any more.
      expect((await enter(app.code(1))).ok).toBe(true)
      environment.advance(30_000)
      expect((await enter(app.code())).ok).toBe(false)
    })

    it('take a recovery code once, however it is typed, and other ones after they are renewed', async () => {
      const { codes, enter, other, one, factors, ada, environment } = await open()
      expect([codes.length, new Set(codes).size]).toEqual([10, 10])
      const [first = '', second = '', third = ''] = codes
      const typed = first.toUpperCase().replaceAll('-', ' ').replaceAll('O', '0').replaceAll('I', '1')
      const tries = Array.from({ length: 4 }, (_, n) => enter(typed, {}, n % 2 ? other : one))
      expect((await Promise.all(tries)).filter(({ ok }) => ok)).toHaveLength(1)
      expect((await enter(first)).ok).toBe(false)
      expect((await factors.find(ada.id))?.codes).toBe(9)
      environment.advance(6 * 3_600_000)
      const renewed = await factors.renewCodes(ada.id)
      expect((await enter(second)).ok).toBe(false)
      expect((await enter(renewed[0] ?? '')).ok).toBe(true)
      expect((await enter(third)).ok).toBe(false)
    })

    it('are nobody else’s: neither codes, recovery codes nor proposals open another account', async () => {
      const { one, codes, factors, enrol, sealed, environment, app, ada } = await open()
      const made = await one.accounts.create({ name: 'Eve', password: null })
      if (!made.ok) throw new Error(made.reason)
      const eve = made.account
      expect(await factors.add(eve, sealed, app.code())).toBeNull()
      await enrol(eve)
      environment.advance(30_000)
      for (const code of [app.code(), codes[0] ?? ''])
        expect((await factors.verify({ account: eve, code, ...FROM })).ok).toBe(false)
      // A row that is moved to another account does not open there.
      await one.database.run(
        'UPDATE coatcheck_second_factors SET last_step = 0, secret = (SELECT secret FROM coatcheck_second_factors WHERE account_id = $1) WHERE account_id = $2',
        ada.id,
        eve.id,
      )
      expect((await factors.verify({ account: eve, code: app.code(), ...FROM })).ok).toBe(false)
    })

    it('are added once: of two that are proposed at once, one is it', async () => {
      const { ada, factors, environment } = await open()
      await factors.remove(ada.id, SYSTEM)
      const proposed = [factors.propose(ada, 'Site'), factors.propose(ada, 'Site')] as const
      const added = await Promise.all(
        proposed.map(({ sealed, key }) =>
          factors.add(ada, sealed, authenticator(key, () => environment.now()).code()),
        ),
      )
      expect(added.filter((codes) => codes !== null)).toHaveLength(1)
      expect((await factors.find(ada.id))?.codes).toBe(10)
      const [{ sealed, key }] = proposed
      expect(factors.propose(ada, 'Site', sealed)).toMatchObject({ sealed, key })
      expect(await factors.add(ada, sealed, '000000')).toBeNull()
      expect(factors.propose(ada, 'Site', 'made up').key).not.toBe(key)
    })

    it('slow down guesses, which a right password does not forgive, and nobody locks out a remembered device', async () => {
      const { one, enter, app, environment, ada } = await open()
      const device = await one.accounts.devices.remember(null, ada.id)
      environment.advance(30_000)
      const guesses = await Promise.all(Array.from({ length: 30 }, (_, n) => enter(String(100_000 + n))))
      const refused = guesses.filter((verdict) => !verdict.ok && verdict.reason === 'throttled')
      expect(refused.length).toBeGreaterThanOrEqual(24)
      expect(await enter(app.code())).toMatchObject({ reason: 'throttled' })
      expect((await enter(app.code(), { device })).ok).toBe(true)
      await one.audit.flush()
      const { entries } = await one.audit.list({ limit: 1_000 })
      expect(entries.filter(({ event }) => event === 'second-step.failed').length).toBeLessThanOrEqual(6)
    })

    it('P6 lie sealed or hashed, and go with the account', async () => {
      const { one, ada, codes, app, environment, enter, factors } = await open()
      const stored = JSON.stringify([
        await one.database.all('SELECT * FROM coatcheck_second_factors'),
        await one.database.all('SELECT * FROM coatcheck_recovery_codes'),
      ])
      const plain = codes.map((code) => code.replaceAll('-', '').toUpperCase())
      expect([...codes, ...plain].filter((code) => stored.includes(code))).toEqual([])
      // What is kept is no code.
      const [row] = await one.database.all<{ code: string }>('SELECT code FROM coatcheck_recovery_codes')
      expect((await enter(row?.code ?? '')).ok).toBe(false)
      environment.advance(30_000)
      await one.accounts.remove(ada.id)
      expect([await factors.find(ada.id), (await enter(app.code())).ok]).toEqual([null, false])
      expect(await one.database.all('SELECT * FROM coatcheck_recovery_codes')).toEqual([])
    })
  })
}
