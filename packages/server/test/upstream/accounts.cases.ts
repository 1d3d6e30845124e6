import { describe, expect, it } from 'vitest'
import type { Written } from '../helpers/test-server.ts'
import { FakeProvider } from './fake-provider.ts'
import { askedOf, comeBack, leave, openStage, type StageOptions, signInWith } from './stage.ts'

const PASSWORD = 'correct horse battery'
const ANN = { claims: { name: 'Ann', email: 'ann@example.com', email_verified: true } }

/** Whose account it is, in every kind of database. */
export function accountCases(kind: string, databaseOf: () => Promise<Written>): void {
  const open = async ({ written, ...options }: StageOptions = {}) =>
    openStage({ ...options, written: { ...(await databaseOf()), ...written } })

  describe(`accounts by upstream providers in ${kind}`, () => {
    it('SSO-02 OA-12 belong to issuer and subject: never to a name or an address, nor to the same subject elsewhere', async () => {
      const other = await FakeProvider.start()
      const { authority, visitor, corp } = await open({ others: { other } })
      const { accounts, sessions } = authority
      const made = await accounts.create({
        name: 'ann@example.com',
        password: PASSWORD,
        claims: { email: 'ann@example.com' },
      })
      const own = made.ok ? made.account.id : ''
      expect((await signInWith(visitor(), corp, 'ann', { twist: ANN })).status).toBe(303)
      expect((await signInWith(visitor(), other, 'ann', { id: 'other', twist: ANN })).status).toBe(303)
      // By the account's own id, or another case: nobody's either.
      expect((await signInWith(visitor(), corp, own, { twist: ANN })).status).toBe(303)
      expect((await signInWith(visitor(), corp, 'Ann', { twist: ANN })).status).toBe(303)
      expect((await sessions.list(own)).sessions).toEqual([])
      const all = (await accounts.list()).accounts
      expect(new Set(all.map(({ id }) => id)).size).toBe(5)
      // Again: the same account.
      expect((await signInWith(visitor(), corp, 'ann', { twist: ANN })).status).toBe(303)
      expect((await accounts.list()).accounts).toHaveLength(5)
      const made2 = all.find(({ id }) => id !== own)
      expect(made2).toMatchObject({
        email: 'ann@example.com',
        claims: { name: 'Ann' },
        passwordChangedAt: null,
      })
    })

    it('take over no address that is not proven, and no name that looks like one', async () => {
      const { authority, visitor, corp } = await open()
      const said = {
        email: 'boss@example.com',
        preferred_username: 'boss@example.com',
        name: 'boss@example.com',
      }
      await signInWith(visitor(), corp, 'eve', { twist: { claims: said } })
      await signInWith(visitor(), corp, 'mallory', { twist: { claims: { ...said, email_verified: 'true' } } })
      await signInWith(visitor(), corp, 'nul', { twist: { claims: { name: '\u0000\u202e', email: 7 } } })
      for (const account of (await authority.accounts.list()).accounts) {
        expect([account.email, account.name]).toEqual([null, expect.stringMatching(/^User \(The corp/)])
      }
    })

    it('are one for two first sign-ins at once', async () => {
      const { authority, visitor, corp } = await open()
      const [one, two] = [visitor(), visitor()]
      const answers = [
        await corp.letIn(await leave(one), 'ann', ANN),
        await corp.letIn(await leave(two), 'ann', ANN),
      ]
      const [first, second] = await Promise.all([
        comeBack(one, answers[0] ?? ''),
        comeBack(two, answers[1] ?? ''),
      ])
      expect([first?.status, second?.status]).toEqual([303, 303])
      expect((await authority.accounts.list()).accounts).toHaveLength(1)
    })

    it('are made only where visitors may sign up; one that is disabled or removed stays out', async () => {
      const { authority, visitor, corp } = await open({ written: { signUp: 'false' } })
      const { accounts, upstream, sessions } = authority
      const refused = await signInWith(visitor(), corp, 'ann', { twist: ANN })
      expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('Nobody here belongs')])
      expect((await accounts.list()).accounts).toEqual([])
      const made = await accounts.create({ name: 'Ann', password: null })
      const id = made.ok ? made.account.id : ''
      await upstream.identities.link(id, { issuer: corp.issuer, subject: 'ann', label: 'Ann' })
      const known = visitor()
      expect((await signInWith(known, corp, 'ann')).status).toBe(303)
      await accounts.disable(id)
      expect((await known.get('/account')).status).toBe(303)
      const disabled = await signInWith(visitor(), corp, 'ann')
      expect([disabled.status, disabled.text]).toEqual([403, expect.stringContaining('has been disabled')])
      await accounts.enable(id)
      await accounts.remove(id)
      expect((await signInWith(visitor(), corp, 'ann')).status).toBe(403)
      expect(await upstream.identities.find({ issuer: corp.issuer, subject: 'ann' })).toBeNull()
      expect((await sessions.list(id)).sessions).toEqual([])
    })

    it('are linked by who is signed in, newly so, and lose no last way in', async () => {
      const { authority, visitor: newVisitor, corp } = await open()
      await authority.accounts.create({ name: 'Bob', password: PASSWORD })
      const visitor = newVisitor()
      await visitor.login('bob', PASSWORD)
      const link = () => visitor.submit('/account/ways', { provider: 'corp' }, '/account/ways/add')
      const answer = await comeBack(visitor, await corp.letIn(askedOf(await link()), 'bob', ANN))
      expect(answer.location).toBe('/account/ways?added=corp')
      expect((await visitor.get('/account/ways')).text).toContain('ann@example.com')
      // Somebody else's.
      await signInWith(newVisitor(), corp, 'carol')
      const taken = await comeBack(visitor, await corp.letIn(askedOf(await link()), 'carol'))
      expect(taken.location).toBe('/account/ways?taken=corp')
      // Begun by Bob, brought back by whoever uses the browser next.
      const asked = askedOf(await link())
      await visitor.submit('/logout', {})
      await signInWith(visitor, corp, 'carol')
      expect((await comeBack(visitor, await corp.letIn(asked, 'mallory'))).location).toBe(
        '/account/ways?other=corp',
      )
      // Without a password this is the last way.
      const last = await visitor.submit('/account/ways', {}, '/account/ways/remove')
      expect(last.location).toBe('/account/ways?last=1')
      const old = { claims: { auth_time: Math.floor(Date.now() / 1_000) - 1_200 } }
      await visitor.submit('/logout', {})
      await signInWith(visitor, corp, 'carol', { twist: old })
      for (const action of ['/account/ways/remove', '/account/ways/add', '/account/password/first']) {
        const page = action === '/account/password/first' ? '/account/password' : '/account/ways'
        const stale = await visitor.submit(page, { provider: 'corp', new: PASSWORD }, action)
        expect([action, stale.location]).toEqual([
          action,
          `/login?return_to=${encodeURIComponent(page)}&reauthenticate=1`,
        ])
      }
      // Whoever has no password is asked at the provider, where a proof from before does not count.
      const at = '/login?reauthenticate=1&return_to=/account/password'
      expect((await visitor.get(at)).text).not.toContain('type="password"')
      const again = await leave(visitor, { at })
      expect(Object.fromEntries(again.url.searchParams)).toMatchObject({ prompt: 'login', max_age: '0' })
      expect((await comeBack(visitor, await corp.letIn(again, 'carol', old))).status).toBe(400)
      const foreign = await comeBack(visitor, await corp.letIn(await leave(visitor, { at }), 'bob'))
      expect([foreign.status, foreign.text]).toEqual([403, expect.stringContaining('not the account')])
      expect((await signInWith(visitor, corp, 'carol', { at })).location).toBe('/account/password')
      const set = await visitor.submit('/account/password', { new: PASSWORD }, '/account/password/first')
      expect(set.location).toBe('/account?changed=1')
      const gone = await visitor.submit('/account/ways', {}, '/account/ways/remove')
      expect(gone.location).toBe('/account/ways?removed=1')
      expect((await visitor.post('/account/password/first', { new: PASSWORD })).status).toBe(403)
    })

    it('keep one way in when the last two are removed at once', async () => {
      const { authority, corp } = await open()
      const { accounts, upstream } = authority
      const made = await accounts.create({ name: 'Ann', password: null })
      const id = made.ok ? made.account.id : ''
      const both = ['a', 'b'].map((subject) => ({ issuer: corp.issuer, subject, label: subject }))
      for (const one of both) expect(await upstream.identities.link(id, one)).toBe('linked')
      const outcomes = await Promise.all(
        both.map((one) => upstream.identities.unlink(id, one, [corp.issuer])),
      )
      expect(outcomes.sort()).toEqual(['last', 'unlinked'])
      // One at a provider that is no more is no way in.
      await upstream.identities.link(id, { issuer: 'https://gone.example', subject: 'x', label: 'x' })
      const [left] = (await upstream.identities.list(id)).filter(({ issuer }) => issuer === corp.issuer)
      expect(left && (await upstream.identities.unlink(id, left, [corp.issuer]))).toBe('last')
    })
  })
}
