import { expect, it } from 'vitest'
import { authenticator } from '../helpers/authenticator.ts'
import type { PageVisitor } from '../helpers/page-visitor.ts'
import { settableEnvironment } from '../oidc/clock.ts'
import { openStage, signInWith } from './stage.ts'

it('a sign-in at a provider is followed by the second step of the account, and by no session before it', async () => {
  const { visitor, corp, authority, ann, nextCode } = await openEnrolled()
  const one = visitor()
  const page = await signInWith(one, corp, 'ann', { at: '/login?return_to=/account/api-keys' })
  expect([page.status, page.text.includes('Enter your code'), one.jar.get('__Host-sid')]).toEqual([
    ...[200, true, undefined],
  ])
  expect((await step(one, page.text, '000000')).status).toBe(401)
  expect((await one.get('/account')).status).toBe(303)
  const answer = await step(one, page.text, nextCode())
  expect([answer.status, answer.location]).toEqual([303, '/account/api-keys'])
  const [session] = (await authority.sessions.list(ann)).sessions
  expect(session?.authentication).toMatchObject({ level: 'aal2', methods: ['otp', 'mfa'] })
})

it('SSO-04 what ends between the two steps, there or here, lets nobody in', async () => {
  const { visitor, corp, authority, ann, nextCode, publicAddress } = await openEnrolled()
  const one = visitor()
  const page = await signInWith(one, corp, 'ann', { twist: { claims: { sid: 'there' } } })
  const body = new URLSearchParams({ logout_token: await corp.logoutToken({ sid: 'there' }) })
  const notified = await fetch(`${publicAddress}/login/with/corp/back-channel-logout`, {
    method: 'POST',
    body,
  })
  expect(notified.status).toBe(200)
  expect((await step(one, page.text, nextCode())).location).toBe('/login')
  expect((await one.get('/account')).status).toBe(303)
  const again = await signInWith(one, corp, 'ann')
  await authority.sessions.revokeUser(ann)
  expect((await step(one, again.text, nextCode())).location).toBe('/login')
  expect((await one.get('/account')).status).toBe(303)
  expect((await authority.sessions.list(ann)).sessions).toEqual([])
})

/** Ann, with an authenticator app. */
async function openEnrolled() {
  const { environment, advance } = settableEnvironment()
  const stage = await openStage({ options: { environment } })
  const { authority, corp, visitor } = stage
  await signInWith(visitor(), corp, 'ann')
  const ann = (await authority.upstream.identities.find({ issuer: corp.issuer, subject: 'ann' })) ?? ''
  await authority.sessions.revokeUser(ann)
  const { secondFactors } = authority.accounts
  const { key, sealed } = secondFactors.propose({ id: ann, name: 'Ann' }, 'Site')
  const app = authenticator(key, () => environment.now())
  expect(await secondFactors.add({ id: ann }, sealed, app.code())).not.toBeNull()
  const nextCode = () => {
    advance(30_000)
    return app.code()
  }
  return { ...stage, ann, nextCode }
}

function step(visitor: PageVisitor, page: string, code: string) {
  const pass = /name="pass" value="([^"]*)"/.exec(page)?.[1] ?? ''
  return visitor.post('/login/second-step', { pass, code })
}
