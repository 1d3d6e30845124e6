import { FakeEnvironment } from 'coatcheck/testing'
import { describe, expect, it } from 'vitest'
import { Accounts } from '../../src/accounts/accounts.ts'
import { adminApi } from '../../src/admin/admin-api.ts'
import type { Authority } from '../../src/authority.ts'
import { signIn } from '../helpers/signed-in.ts'
import { make, type OpenFleet } from './account-cases.ts'

const ADMIN = { kind: 'admin', id: 'root' } as const

/** Who may administer, and what remains of those who are removed, over one engine. */
export function administratorCases(engine: string, openFleet: OpenFleet): void {
  async function open(processes = 1) {
    const fleet = await openFleet(processes, new FakeEnvironment())
    const authority = fleet[0] as Authority
    const { accounts } = authority
    const administrator = (name: string) => make(accounts, { name, password: null, admin: true })
    return { fleet, authority, accounts, administrator, chief: await administrator('chief') }
  }

  describe(`administrators on ${engine}`, () => {
    it('the last one who can sign in is neither demoted, disabled nor removed', async () => {
      const { authority, accounts, administrator, chief } = await open()
      const other = await administrator('other')
      await accounts.disable(other.id)
      await signIn(authority, { userId: chief.id })
      expect([
        await accounts.setAdmin(chief.id, false),
        await accounts.disable(chief.id),
        await accounts.remove(chief.id),
      ]).toEqual(['last-administrator', 'last-administrator', 'last-administrator'])
      expect(await accounts.find(chief.id)).toMatchObject({ admin: true, disabled: false })
      expect((await authority.sessions.list(chief.id)).sessions).toHaveLength(1)
      const { entries } = await authority.audit.list({ userId: chief.id, event: 'user.' })
      expect(entries.map(({ event }) => event)).toEqual(['user.created'])
      expect([await accounts.enable(other.id), await accounts.remove(chief.id)]).toEqual(['ok', 'ok'])
      expect(await accounts.setAdmin('nobody', false)).toBe('unknown')
    })

    it('two who take the right from each other at once do not leave nobody', async () => {
      // SQLite's calls block: two connections of one process would wait for each other for ever.
      const { fleet, accounts, administrator, chief } = await open(engine === 'SQLite' ? 1 : 2)
      const there = fleet.at(-1)?.accounts ?? accounts
      let last = chief
      for (const [number, [one, two]] of PAIRS.entries()) {
        const other = await administrator(`other ${number}`)
        const outcomes = await Promise.all([one(accounts, last.id), two(there, other.id)])
        expect(outcomes.toSorted()).toEqual(['last-administrator', 'ok'])
        last = outcomes[0] === 'ok' ? other : last
        expect(await accounts.find(last.id)).toMatchObject({ admin: true, disabled: false })
      }
    })

    it('LIO-07 LIO-08 what a killed process has left is ended by the next: after a new password, a disabled user', async () => {
      const { fleet, authority, administrator } = await open(2)
      const next = fleet[1] as Authority
      const { accounts, key, people } = await interrupted(authority, administrator)
      const live = async (id: string) =>
        (await next.sessions.list(id)).sessions.length + (await next.adminSessions.list(id)).sessions.length
      await expect(accounts.setPassword(people.changed, 'another good password')).rejects.toThrow('killed')
      await expect(accounts.disable(people.disabled)).rejects.toThrow('killed')
      await expect(accounts.setAdmin(people.demoted, false)).rejects.toThrow('killed')
      expect(await Promise.all(Object.values(people).map(live))).toEqual([2, 2, 2, 2])
      await next.accounts.start()
      expect(await Promise.all(Object.values(people).map(live))).toEqual([0, 0, 0, 2])
      expect((await next.apiKeys.verify(key)).ok).toBe(false)
      // Done once: who signs in from now on stays.
      await signIn(next, { userId: people.changed })
      await next.accounts.start()
      expect(await live(people.changed)).toBe(1)
    })

    it('the admin API answers 409 and says what to do', async () => {
      const { authority, chief } = await open()
      const app = adminApi(authority, { local: true })
      const json = { headers: { 'content-type': 'application/json' }, body: '{"admin":false}' }
      for (const [method, path, more] of [
        ['PUT', '/admin', json],
        ['POST', '/disable', {}],
        ['DELETE', '', {}],
      ] as const) {
        const answer = await app.request(`/users/${chief.id}${path}`, { method, ...more })
        expect([answer.status, await answer.json()]).toEqual([
          409,
          expect.objectContaining({ code: 'last-administrator', detail: expect.stringMatching(/another/) }),
        ])
      }
    })

    it('AUD-06 removing a user leaves what happened in the audit trail, without addresses and details', async () => {
      const { authority, accounts } = await open()
      const { id } = await make(accounts, { name: 'Ada' })
      const about = { actor: { kind: 'user', id }, userId: id, address: '192.0.2.0' } as const
      authority.audit.record({ event: 'login.failed', ...about, details: { device: 'Firefox on Linux' } })
      expect(await accounts.remove(id, ADMIN)).toBe('ok')
      const { entries } = await authority.audit.list({ userId: id })
      expect(entries.map(({ event }) => event)).toEqual([
        'user.removed',
        'audit.erased',
        'login.failed',
        'user.created',
      ])
      expect(entries.filter(({ address }) => address !== null)).toEqual([])
      expect(JSON.stringify(entries)).not.toContain('Firefox')
    })

    it('a removal that fails half way leaves nobody who can sign in, and can be done once more', async () => {
      const { authority, accounts } = await open()
      const { id } = await make(accounts, { name: 'Ada' })
      await signIn(authority, { userId: id })
      const failing = accounts.remove(id, ADMIN, () => Promise.reject(new Error('The database is away.')))
      await expect(failing).rejects.toThrow()
      expect((await authority.sessions.list(id)).sessions).toEqual([])
      expect(await accounts.find(id)).toMatchObject({ disabled: true })
      expect(await accounts.remove(id, ADMIN)).toBe('ok')
    })
  })
}

/** Users with a session of each kind, and accounts whose process is killed as soon as it has written something. */
async function interrupted(authority: Authority, administrator: (name: string) => Promise<{ id: string }>) {
  const ids: Record<string, string> = {}
  for (const what of ['changed', 'disabled', 'demoted', 'other']) {
    const { id } = await administrator(what)
    await signIn(authority, { userId: id })
    await signIn({ sessions: authority.adminSessions }, { userId: id })
    ids[what] = id
  }
  const people = ids as Readonly<Record<'changed' | 'disabled' | 'demoted' | 'other', string>>
  const { text: key } = await authority.apiKeys.create({ owner: people.disabled, name: 'mine' })
  const killed = {
    revokeUser: () => Promise.reject(new Error('killed')),
    manager: authority.sessions.manager,
  }
  const sessions = killed as unknown as Authority['sessions']
  const accounts = new Accounts({ ...authority, sessions, adminSessions: sessions })
  return { accounts, key, people }
}

type Way = (accounts: Accounts, id: string) => Promise<string>

const WAYS: readonly Way[] = [
  (accounts, id) => accounts.setAdmin(id, false),
  (accounts, id) => accounts.disable(id),
  (accounts, id) => accounts.remove(id),
]

const PAIRS = WAYS.flatMap((one) => WAYS.map((two) => [one, two] as const))
