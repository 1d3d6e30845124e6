import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startTestServer } from '../helpers/test-server.ts'
import { startApplication } from '../oidc/application.ts'
import { settableEnvironment } from '../oidc/clock.ts'
import { Browser, freePort, startSso } from '../oidc/sso.ts'
import { comeBack, leave, openStage, SECRET, signInWith } from './stage.ts'

describe('a session from an upstream provider', () => {
  it('LIO-11 ends when the proof there is too old, whatever goes on there', async () => {
    const { environment, advance } = settableEnvironment()
    const { visitor: newVisitor, corp } = await openStage({
      ...{ more: { 'max-age': '1h' }, options: { environment } },
      written: { idleTimeout: '12h' },
    })
    const visitor = newVisitor()
    const asked = await leave(visitor)
    expect(asked.url.searchParams.get('max_age')).toBe('3600')
    const ago = (minutes: number) => ({
      claims: { auth_time: Math.floor(Date.now() / 1_000) - minutes * 60 },
    })
    expect((await comeBack(visitor, await corp.letIn(asked, 'ann', ago(61)))).status).toBe(400)
    expect((await signInWith(visitor, corp, 'ann', { twist: { without: ['auth_time'] } })).status).toBe(400)
    expect((await signInWith(visitor, corp, 'ann', { twist: ago(50) })).status).toBe(303)
    advance(9 * 60_000)
    expect((await visitor.get('/account')).status).toBe(200)
    advance(2 * 60_000)
    expect((await visitor.get('/account')).status).toBe(303)
  })

  it('LIO-09 is no fresh proof where the user gave none there just now', async () => {
    const { visitor: newVisitor, corp } = await openStage()
    const visitor = newVisitor()
    for (const twist of [
      { without: ['auth_time'] },
      { claims: { auth_time: Math.floor(Date.now() / 1_000) - 900 } },
    ]) {
      await signInWith(visitor, corp, 'ann', { twist })
      const refused = await visitor.submit(
        '/account/password',
        { new: 'correct horse' },
        '/account/password/first',
      )
      expect(refused.location).toContain('reauthenticate=1')
      await visitor.submit('/logout', {})
    }
  })

  it('P5 has a new token, and says how the user proved who they are', async () => {
    const { visitor: newVisitor, corp, authority } = await openStage()
    const visitor = newVisitor()
    await signInWith(visitor, corp, 'mallory')
    const planted = visitor.jar.copy()
    await signInWith(visitor, corp, 'ann', {
      twist: { claims: { amr: ['hwk', 'bad value', 7], acr: 'aal3' } },
    })
    const thief = newVisitor()
    thief.jar = planted
    expect((await thief.get('/account')).status).toBe(303)
    const id = (await authority.upstream.identities.find({ issuer: corp.issuer, subject: 'ann' })) ?? ''
    const [session] = (await authority.sessions.list(id)).sessions
    expect(session?.authentication).toEqual({ methods: ['hwk'], level: 'aal1' })
  })

  it('SSO-03 SSO-04 ends by a notice of logout, and by no forged one', async () => {
    const { visitor: newVisitor, corp, publicAddress } = await openStage()
    const [one, other] = [newVisitor(), newVisitor()]
    await signInWith(one, corp, 'ann', { twist: { claims: { sid: 'one' } } })
    await signInWith(other, corp, 'ann', { twist: { claims: { sid: 'other' } } })
    const notify = async (token: string) => {
      const body = new URLSearchParams({ logout_token: token })
      return (await fetch(`${publicAddress}/login/with/corp/back-channel-logout`, { method: 'POST', body }))
        .status
    }
    for (const lie of [{ aud: 'theirs' }, { nonce: 'x' }, { iss: 'https://other.example' }, { events: {} }]) {
      expect(await notify(await corp.logoutToken({ sid: 'one', ...lie }))).toBe(400)
    }
    expect((await one.get('/account')).status).toBe(200)
    const token = await corp.logoutToken({ sid: 'one' })
    expect(await notify(token)).toBe(200)
    expect(await notify(token)).toBe(400)
    expect([(await one.get('/account')).status, (await other.get('/account')).status]).toEqual([303, 200])
    expect(await notify(await corp.logoutToken({ sub: 'ann' }))).toBe(200)
    expect((await other.get('/account')).status).toBe(303)
  })

  it('of an account without a password gets none by a mailbox', async () => {
    let links = 0
    const hook = createServer((_, response) => {
      links += 1
      response.end()
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void hook.close())
    await new Promise((resolve) => hook.once('listening', resolve))
    const resetUrl = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`
    const { visitor, corp, authority } = await openStage({ written: { resetUrl } })
    await authority.accounts.create({ name: 'Bob', password: 'correct horse battery' })
    await signInWith(visitor(), corp, 'ann', { twist: { claims: { name: 'Ann' } } })
    for (const name of ['Ann', 'Bob']) await visitor().post('/forgot-password', { name })
    await authority.accounts.flush()
    expect(links).toBe(1)
  })

  it('AUD-01 leaves no secret, code or token in the log or the audit trail', async () => {
    const log: string[] = []
    const {
      visitor: newVisitor,
      corp,
      authority,
    } = await openStage({
      written: { logLevel: 'debug' },
      options: { logTo: { write: (line) => void log.push(line) } },
    })
    const visitor = newVisitor()
    const asked = await leave(visitor)
    const answer = await corp.letIn(asked, 'ann')
    await comeBack(visitor, answer)
    await comeBack(newVisitor(), answer)
    const refused = newVisitor()
    await signInWith(refused, corp, 'ann', { twist: { claims: { nonce: 'x' } } })
    corp.instead.set('/token', { status: 500, body: '{}' })
    await signInWith(refused, corp, 'ann')
    await authority.audit.flush()
    const kept = log.join('') + JSON.stringify(await authority.audit.list({ limit: 100 }))
    expect(kept).toContain('login.failed')
    const secrets = [SECRET, asked.state, asked.nonce, 'code-', 'an-access-token', 'eyJ']
    expect(secrets.filter((secret) => kept.includes(secret))).toEqual([])
  })
})

describe('another server as the upstream provider', () => {
  it('SSO-04 lets a user in to an application behind ours, and its logout closes that, too', async () => {
    const upstream = await startSso()
    const port = String(await freePort())
    const origin = `http://127.0.0.1:${port}`
    const added = await upstream.authority.oauth.clients.add({
      ...{ id: 'ours', name: 'Ours', kind: 'confidential', trusted: true, development: true },
      redirectUris: [`${origin}/login/with/corp/callback`],
      backchannelLogoutUri: `${origin}/login/with/corp/back-channel-logout`,
    })
    if (!added.ok) throw new Error(added.mistakes.join(' '))
    const provider = { id: 'corp', name: 'Corp', issuer: upstream.issuer, 'client-id': 'ours' }
    const { authority, publicAddress } = await startTestServer({
      ...{ port, publicUrl: origin, signUp: 'true', upstreams: JSON.stringify([provider]) },
      upstreamSecrets: JSON.stringify({ corp: added.secret }),
    })
    const shop = await startApplication(authority, publicAddress, { id: 'shop', trusted: true })
    const login = await fetch(`http://127.0.0.1:${new URL(shop.origin).port}/login`, { redirect: 'manual' })
    const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    // To us, and without a session here to the login page, from there to the provider.
    const ours = new Browser(authority, origin, '')
    const page = await ours.go(login.headers.get('location') ?? '')
    expect(page.url.pathname).toBe('/login')
    const loginPage = await ours.fetch(page.url)
    const html = (await loginPage.text()).split('<ul class="providers">')[1] ?? ''
    const there = await ours.submit({ url: page.url, html }, {})
    const theirs = new Browser(upstream.authority, upstream.issuer, upstream.userId)
    const loginThere = await theirs.logIn()
    const back = await theirs.go(there.url)
    // Back to us, on in the interaction, and to the application with a code.
    const callback = await ours.go(back.url)
    expect(callback.url.origin).toBe(shop.origin)
    const { port: shopPort } = new URL(shop.origin)
    const arrived = `http://127.0.0.1:${shopPort}${callback.url.pathname}${callback.url.search}`
    expect((await fetch(arrived, { redirect: 'manual', headers: { cookie } })).status).toBe(303)
    expect([...shop.sessions.values()].map(({ name }) => name)).toEqual(['Ann'])
    await upstream.authority.sessions.revoke(loginThere)
    await vi.waitFor(() => expect(shop.sessions.size).toBe(0), { timeout: 10_000, interval: 50 })
  })
})
