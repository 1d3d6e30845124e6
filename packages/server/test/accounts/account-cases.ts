import { FakeEnvironment } from 'coatcheck/testing'
import { describe, expect, it } from 'vitest'
import type { Account, Accounts, CreateAccount } from '../../src/accounts/accounts.ts'
import type { Authority } from '../../src/authority.ts'
import { signIn } from '../helpers/signed-in.ts'

export const PASSWORD = 'correct horse battery'
const OTHER = 'another horse battery'
const MINUTE = 60_000
const FROM = { address: '192.0.2.1', device: null }
const VICTIM = { address: '198.51.100.7', device: null }

/** Processes over one fresh store, in one time. */
export type OpenFleet = (processes: number, environment: FakeEnvironment) => Promise<readonly Authority[]>

/** Accounts over one engine. */
export function accountCases(engine: string, openFleet: OpenFleet): void {
  async function open(processes = 1) {
    const environment = new FakeEnvironment()
    const fleet = await openFleet(processes, environment)
    const authority = fleet[0] as Authority
    const { accounts } = authority
    return { fleet, authority, accounts, environment, ada: await make(accounts, { name: 'Ada' }) }
  }

  describe(`accounts on ${engine}`, () => {
    it('are one for names that people cannot tell apart', async () => {
      const { accounts, ada } = await open()
      for (const name of ['ADA', ' ada ', 'Ａｄａ', 'Ada\t']) {
        expect((await accounts.findByName(name))?.id).toBe(ada.id)
        expect(await accounts.create({ name, password: PASSWORD })).toEqual({
          ok: false,
          reason: 'name-taken',
        })
      }
      const composed = await make(accounts, { name: 'Zoë Straße' })
      expect((await accounts.findByName('ZOË STRASSE'))?.id).toBe(composed.id)
      for (const name of ['', '   ', 'a\u0000b', 'ada\u202Egpj', 'a\u200Bda', 'x'.repeat(129)]) {
        expect(await accounts.create({ name, password: PASSWORD })).toEqual({
          ok: false,
          reason: 'name-invalid',
        })
      }
    })

    it('of two processes that make one name at once, one makes it', async () => {
      const { fleet } = await open(2)
      const asked = Array.from({ length: 8 }, (_, n) =>
        (fleet[n % 2] as Authority).accounts.create({ name: n % 3 ? 'Grace' : 'GRACE', password: PASSWORD }),
      )
      const made = (await Promise.all(asked)).filter(({ ok }) => ok)
      expect(made.length).toBe(1)
    })

    it('are listed in the order of names, in pages, and found by how a name begins', async () => {
      const { accounts } = await open()
      for (const name of ['bob', 'Bo%', 'bob2', 'carl']) await make(accounts, { name, password: null })
      const first = await accounts.list({ limit: 2 })
      expect(names(first.accounts)).toEqual(['Ada', 'Bo%'])
      const second = await accounts.list({ limit: 10, cursor: first.cursor })
      expect([names(second.accounts), second.cursor]).toEqual([['bob', 'bob2', 'carl'], null])
      expect(names((await accounts.list({ query: 'BOB' })).accounts)).toEqual(['bob', 'bob2'])
      expect(names((await accounts.list({ query: 'bo%' })).accounts)).toEqual(['Bo%'])
    })

    it('refuses passwords that are short, long, common or have the name in them', async () => {
      const { accounts } = await open()
      const reasons: [string, string][] = [
        ['short', 'too-short'],
        ['x'.repeat(1_025), 'too-long'],
        ['QwertyUiop', 'common'],
        ['my name is grace!', 'contains-name'],
        ['GRACE@example.com', 'contains-name'],
      ]
      for (const [password, reason] of reasons) {
        expect(await accounts.create({ name: 'grace@example.com', password })).toEqual({ ok: false, reason })
      }
      await make(accounts, { name: 'long', password: 'ü'.repeat(1_024) })
    })

    it('takes a password however its characters were composed', async () => {
      const { accounts } = await open()
      await make(accounts, { name: 'zoe', password: 'Zoë likes horses' })
      expect(
        await accounts.verify({ name: 'zoe', password: 'Zoe\u0308 likes horses', ...FROM }),
      ).toMatchObject({ ok: true })
    })

    it('LIO-08 ends sessions, keys, tokens and administration of who is disabled, and lets nobody in', async () => {
      const { accounts, authority, ada } = await open()
      await signedIn(authority, ada)
      const key = await authority.apiKeys.create({ owner: ada.id, name: 'reports' })
      await accounts.disable(ada.id)
      expect((await authority.sessions.list(ada.id)).sessions).toEqual([])
      expect(await authority.apiKeys.verify(key.text)).toMatchObject({ ok: false })
      expect(await accounts.verify({ name: 'ada', password: PASSWORD, ...FROM })).toEqual({
        ok: false,
        reason: 'disabled',
      })
      expect(await accounts.verify({ name: 'ada', password: OTHER, ...FROM })).toEqual({
        ok: false,
        reason: 'invalid',
      })
      await accounts.enable(ada.id)
      expect(await accounts.verify({ name: 'ada', password: PASSWORD, ...FROM })).toMatchObject({ ok: true })
    })

    it('LIO-08 leaves nothing of who is removed, and the name is free', async () => {
      const { accounts, authority, ada } = await open()
      await signedIn(authority, ada)
      const attempt = await verified(accounts, PASSWORD)
      expect(await accounts.remove(ada.id)).toBe('ok')
      expect((await authority.sessions.list(ada.id)).sessions).toEqual([])
      expect([await accounts.find(ada.id), await accounts.remove(ada.id)]).toEqual([null, 'unknown'])
      const login = authority.sessions.manager.login(null, loginRequest(ada.id, attempt))
      await expect(login).rejects.toMatchObject({ code: 'ERR_LOGIN_STALE' })
      expect((await make(accounts, { name: 'ada' })).id).not.toBe(ada.id)
    })

    it('an old password loses the race against its change, which ends all sessions but one', async () => {
      const { accounts, authority, fleet, ada } = await open(2)
      const kept = await signedIn(authority, ada)
      for (let n = 0; n < 4; n++) await signedIn(fleet[1] as Authority, ada)
      const attempt = await verified((fleet[1] as Authority).accounts, PASSWORD)
      const changed = await change(accounts, ada, { keep: kept })
      expect(changed).toEqual({ ok: true })
      const left = (await authority.sessions.list(ada.id)).sessions.map(({ id }) => id)
      expect(left).toEqual([kept])
      const login = (fleet[1] as Authority).sessions.manager.login(null, loginRequest(ada.id, attempt))
      await expect(login).rejects.toMatchObject({ code: 'ERR_LOGIN_STALE' })
      expect(await accounts.verify({ name: 'ada', password: PASSWORD, ...FROM })).toMatchObject({ ok: false })
      expect(await accounts.verify({ name: 'ada', password: OTHER, ...FROM })).toMatchObject({ ok: true })
    })

    it('of two changes at once with the same password one is made', async () => {
      const { fleet, ada } = await open(2)
      const both = await Promise.all(
        fleet.map(({ accounts }, n) =>
          change(accounts, ada, { password: `horse battery ${n}`.padEnd(20, '!') }),
        ),
      )
      expect(both.filter(({ ok }) => ok).length).toBe(1)
    })

    it('LIO-12 copies changed claims into live sessions, and into those of a login meanwhile', async () => {
      const { accounts, authority, ada } = await open()
      const id = await signedIn(authority, ada)
      await Promise.all([
        accounts.setClaims(ada.id, { role: 'reader' }),
        accounts.setClaims(ada.id, { role: 'editor' }),
      ])
      const { claims } = (await accounts.find(ada.id)) as Account
      expect(await claimsIn(authority, id)).toEqual(claims)
      const late = await signedIn(authority, ada)
      await accounts.refreshClaims(ada)
      expect(await claimsIn(authority, late)).toEqual(claims)
      expect(await accounts.setClaims(ada.id, { much: 'x'.repeat(9_000) })).toBe('too-large')
    })

    it('takes the right to administer away with the sessions that had it', async () => {
      const { accounts, authority, ada } = await open()
      await make(accounts, { name: 'chief', admin: true })
      const asked = { name: 'ada', password: PASSWORD, ...FROM, kind: 'admin' as const }
      expect(await accounts.verify(asked)).toEqual({ ok: false, reason: 'invalid' })
      await accounts.setAdmin(ada.id, true)
      const verdict = await accounts.verify(asked)
      expect(verdict.ok).toBe(true)
      await accounts.setAdmin(ada.id, false)
      const attempt = verdict.ok ? verdict.attempt : null
      const login = authority.adminSessions.manager.login(null, loginRequest(ada.id, attempt))
      await expect(login).rejects.toMatchObject({ code: 'ERR_LOGIN_STALE' })
    })
  })

  throttleCases(engine, open)
}

function throttleCases(
  engine: string,
  open: (processes?: number) => Promise<{
    readonly fleet: readonly Authority[]
    readonly accounts: Accounts
    readonly environment: FakeEnvironment
    readonly ada: Account
  }>,
): void {
  describe(`guessing passwords on ${engine}`, () => {
    it('costs one address longer and longer waits, of 15 minutes at most', async () => {
      const { accounts, environment } = await open()
      let longest = 0
      for (let n = 0; n < 40; n++) {
        const verdict = await guess(accounts, FROM.address)
        if (verdict.ok || verdict.reason !== 'throttled') continue
        longest = Math.max(longest, verdict.retryAfter ?? 0)
        environment.advance(verdict.retryAfter ?? 0)
      }
      expect(longest).toBeGreaterThan(5 * MINUTE)
      expect(longest).toBeLessThanOrEqual(15 * MINUTE)
    })

    it('parallel wrong passwords on two processes are no more than one after the other, and harm no right one', async () => {
      const { fleet, accounts } = await open(2)
      const right = accounts.verify({ name: 'ada', password: PASSWORD, ...VICTIM })
      const wrong = await Promise.all(
        Array.from({ length: 30 }, (_, n) => guess((fleet[n % 2] as Authority).accounts, FROM.address)),
      )
      expect(
        wrong.filter((verdict) => !verdict.ok && verdict.reason === 'invalid').length,
      ).toBeLessThanOrEqual(5)
      expect(await right).toMatchObject({ ok: true })
    })

    it('from one address keeps nobody else from signing in', async () => {
      const { accounts } = await open()
      for (let n = 0; n < 20; n++) await guess(accounts, FROM.address)
      expect(await accounts.verify({ name: 'ada', password: PASSWORD, ...VICTIM })).toMatchObject({
        ok: true,
      })
    })

    it('from a thousand addresses is slowed down, and a remembered device signs in at once', async () => {
      const { accounts, ada, environment } = await open()
      const device = await accounts.devices.remember(null, ada.id)
      let tried = 0
      for (let n = 0; n < 200; n++) {
        const verdict = await guess(accounts, `203.0.${n % 200}.9`)
        if (!verdict.ok && verdict.reason === 'invalid') tried++
        environment.advance(100)
      }
      expect(tried).toBeLessThan(30)
      expect(await accounts.verify({ name: 'ada', password: PASSWORD, ...VICTIM })).toMatchObject({
        reason: 'throttled',
      })
      const remembered = { ...VICTIM, device }
      expect(await accounts.verify({ name: 'ada', password: PASSWORD, ...remembered })).toMatchObject({
        ok: true,
      })
    })

    it('does not believe a device of somebody else, nor one that was made up', async () => {
      const { accounts, ada } = await open()
      const grace = await make(accounts, { name: 'grace' })
      const foreign = await accounts.devices.remember(null, grace.id)
      for (const device of [foreign, 'x'.repeat(32), '']) {
        expect(await accounts.devices.find(device, ada.id)).toBeNull()
      }
    })

    it('replaces a device secret that somebody else may have planted', async () => {
      const { accounts, ada } = await open()
      const grace = await make(accounts, { name: 'grace' })
      const planted = await accounts.devices.remember(null, grace.id)
      const fresh = await accounts.devices.remember(planted, ada.id)
      expect(fresh).not.toBe(planted)
      expect(await accounts.devices.find(planted, ada.id)).toBeNull()
      expect(await accounts.devices.find(fresh, ada.id)).not.toBeNull()
      expect(await accounts.devices.remember(fresh, ada.id)).toBeNull()
    })

    it('with a stolen device has its own limit', async () => {
      const { accounts, ada } = await open()
      const device = await accounts.devices.remember(null, ada.id)
      let throttled = 0
      for (let n = 0; n < 20; n++) {
        const verdict = await accounts.verify({ name: 'ada', password: OTHER, ...FROM, device })
        if (!verdict.ok && verdict.reason === 'throttled') throttled++
      }
      expect(throttled).toBe(10)
    })

    it('waits for names that nobody has just as for others', async () => {
      const { accounts } = await open()
      const answers = async (name: string, address: string) => {
        const all: unknown[] = []
        for (let n = 0; n < 8; n++)
          all.push(await accounts.verify({ name, password: OTHER, address, device: null }))
        return all
      }
      expect(await answers('ada', '192.0.2.77')).toEqual(await answers('nobody', '203.0.113.77'))
    })

    it('does not make one account pay for another, nor gain from signing in to its own', async () => {
      const { accounts } = await open()
      await make(accounts, { name: 'mallory' })
      let tried = 0
      for (let n = 0; n < 12; n++) {
        const verdict = await guess(accounts, FROM.address)
        if (!verdict.ok && verdict.reason === 'invalid') tried++
        await accounts.verify({ name: 'mallory', password: PASSWORD, ...FROM })
      }
      expect(tried).toBe(5)
    })
  })
}

export async function make(
  accounts: Accounts,
  asked: Partial<CreateAccount> & { readonly name: string },
): Promise<Account> {
  const created = await accounts.create({ password: PASSWORD, ...asked })
  if (!created.ok) throw new Error(created.reason)
  return created.account
}

function guess(accounts: Accounts, address: string) {
  return accounts.verify({ name: 'ada', password: OTHER, address, device: null })
}

async function verified(accounts: Accounts, password: string) {
  const verdict = await accounts.verify({ name: 'ada', password, ...VICTIM })
  if (!verdict.ok) throw new Error(verdict.reason)
  return verdict.attempt
}

function change(
  accounts: Accounts,
  { id }: Account,
  more: { readonly keep?: string; readonly password?: string } = {},
) {
  const keep = (more.keep ?? null) as Parameters<Accounts['changePassword']>[0]['keep']
  return accounts.changePassword({ id, current: PASSWORD, password: more.password ?? OTHER, ...VICTIM, keep })
}

function names(accounts: readonly Account[]): string[] {
  return accounts.map(({ name }) => name)
}

/** Signs in as a page does; answers the session's id. */
async function signedIn(authority: Authority, { id, claims }: Account): Promise<string> {
  await signIn(authority, { userId: id, claims })
  const [newest] = (await authority.sessions.list(id)).sessions
  return String(newest?.id)
}

async function claimsIn({ sessions }: Authority, id: string): Promise<unknown> {
  const found = await sessions.manager.lookUp(id as Parameters<typeof sessions.manager.lookUp>[0])
  return found.status === 'live' ? found.record.data.claims : null
}

type LoginRequest = Parameters<Authority['sessions']['manager']['login']>[1]

function loginRequest(userId: string, attempt: LoginRequest['attempt']): LoginRequest {
  return {
    userId,
    attempt,
    transport: 'cookie',
    context: { userAgent: null, address: null, label: null, fingerprint: '' },
    remember: false,
    authentication: { methods: ['pwd'], level: null },
    data: {},
    carry: [],
    operations: [],
  }
}
