import { describe, expect, it } from 'vitest'
import { settableEnvironment } from '../oidc/clock.ts'
import { FakeProvider, type Twist } from './fake-provider.ts'
import { comeBack, leave, openStage, signInWith } from './stage.ts'

const NOW = () => Math.floor(Date.now() / 1_000)

describe('a sign-in at an upstream provider', () => {
  it('lets in whom the provider proves, and asks with state, nonce and PKCE', async () => {
    const stage = await openStage()
    const visitor = stage.visitor()
    const asked = await leave(visitor, { at: '/login?return_to=/account/api-keys' })
    expect(Object.fromEntries(asked.url.searchParams)).toMatchObject({
      ...{ response_type: 'code', client_id: 'ours', scope: 'openid email profile' },
      redirect_uri: `${stage.authority.settings.publicUrl.origin}/login/with/corp/callback`,
      code_challenge_method: 'S256',
    })
    const answer = await comeBack(visitor, await stage.corp.letIn(asked, 'ann', { claims: { name: 'Ann' } }))
    expect([answer.status, answer.location]).toEqual([303, '/account/api-keys'])
    expect((await visitor.get('/account')).text).toContain('Ann')
    expect(stage.corp.authorizations[0]).toMatch(/^Basic /)
  })

  it('LIO-05 LIO-06 is begun by a form of ours alone, and by no visit', async () => {
    const { visitor: newVisitor } = await openStage()
    const visitor = newVisitor()
    expect((await visitor.get('/login/with/corp')).status).toBe(404)
    expect((await visitor.post('/login/with/corp', {}, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await visitor.post('/login/with/corp', {}, { 'sec-fetch-site': 'same-site' })).status).toBe(403)
    expect((await visitor.post('/login/with/nobody', {})).status).toBe(404)
    expect((await visitor.get('/account')).status).toBe(303)
  })

  it('LIO-10 returns to a page of ours whatever the form says', async () => {
    const { visitor, corp } = await openStage()
    for (const target of [
      '//evil.example',
      'https://evil.example/',
      '/\\evil.example',
      '/%2f/evil.example',
    ]) {
      const one = visitor()
      const asked = await leave(one, { fields: { return_to: target } })
      expect((await comeBack(one, await corp.letIn(asked, 'ann'))).location).toBe('/account')
    }
  })

  it('SSO-01 is good once, for the browser that began it, and each of two tabs for itself', async () => {
    const { visitor: newVisitor, corp } = await openStage()
    const [victim, attacker] = [newVisitor(), newVisitor()]
    // Login CSRF: an answer to the attacker's own request, brought to the victim's browser.
    const theirs = await corp.letIn(await leave(attacker), 'mallory')
    expect((await comeBack(victim, theirs)).status).toBe(400)
    expect((await victim.get('/account')).status).toBe(303)
    expect((await comeBack(attacker, theirs)).status).toBe(303)
    // Replayed, also with the cookie that it came with.
    const before = victim.jar.copy()
    const asked = await leave(victim)
    const during = victim.jar.copy()
    const answer = await corp.letIn(asked, 'ann')
    expect((await comeBack(victim, answer)).status).toBe(303)
    victim.jar = during
    expect((await comeBack(victim, answer)).status).toBe(400)
    victim.jar = before
    // Two tabs: both work, and neither takes the other's answer.
    const [one, two] = [await leave(victim), await leave(victim)]
    const [first, second] = [await corp.letIn(one, 'ann'), await corp.letIn(two, 'ann')]
    const swapped = first.replace(/code=[^&]*/, /code=[^&]*/.exec(second)?.[0] ?? '')
    expect((await comeBack(victim, swapped)).status).toBe(400)
    expect((await comeBack(victim, await corp.letIn(two, 'ann'))).status).toBe(303)
  })

  it('SSO-01 begun ten minutes ago, with a state of nobody, or without one, is none', async () => {
    const { visitor: newVisitor, corp } = await openStage()
    const visitor = newVisitor()
    const answer = await corp.letIn(await leave(visitor), 'ann')
    for (const state of ['', 'A'.repeat(43), '%00', 'x'.repeat(5_000)]) {
      const forged = answer.replace(/state=[^&]*/, `state=${state}`)
      expect([state.length, (await comeBack(visitor, forged)).status]).toEqual([state.length, 400])
    }
    expect((await comeBack(visitor, `${answer}&state=twice`)).status).toBe(400)
    expect((await visitor.get('/account')).status).toBe(303)
  })

  const LIES: readonly (readonly [string, Twist])[] = [
    ['another issuer', { claims: { iss: 'https://other.example' } }],
    ['the issuer with a slash', { claims: { iss: 'http://127.0.0.1/' } }],
    ['another audience', { claims: { aud: 'theirs' } }],
    ['another audience besides', { claims: { aud: ['ours', 'theirs'] } }],
    ['another authorized party', { claims: { azp: 'theirs' } }],
    ['another nonce', { claims: { nonce: 'x' } }],
    ['no nonce', { without: ['nonce'] }],
    ['no subject', { without: ['sub'] }],
    ['a subject that is too long', { claims: { sub: 'x'.repeat(300) } }],
    ['an end that is past', { claims: { iat: NOW() - 600, exp: NOW() - 300 } }],
    ['a beginning to come', { claims: { iat: NOW() + 600, exp: NOW() + 900 } }],
    ['another key', { signature: 'foreign' }],
    ['no signature', { signature: 'none' }],
  ]
  it('SSO-02 with an ID token that is not right lets nobody in', async () => {
    const { visitor: newVisitor, corp, authority } = await openStage()
    for (const [lie, twist] of LIES) {
      const visitor = newVisitor()
      const { status } = await signInWith(visitor, corp, 'ann', { twist })
      expect([lie, status >= 400 && status < 500]).toEqual([lie, true])
      expect([lie, (await visitor.get('/account')).status]).toEqual([lie, 303])
    }
    expect((await authority.accounts.list()).accounts).toEqual([])
  })

  it('SSO-02 at another provider than the one that answers lets nobody in (mix-up)', async () => {
    const evil = await FakeProvider.start()
    const { visitor: newVisitor, corp } = await openStage({ others: { evil } })
    const visitor = newVisitor()
    const asked = await leave(visitor)
    const answer = await corp.letIn(asked, 'ann')
    const statuses = [
      // At the callback of the other.
      await comeBack(visitor, answer.replace('/with/corp/', '/with/evil/')),
      // In the name of the other (RFC 9207).
      await comeBack(visitor, answer.replace(/iss=[^&]*/, `iss=${encodeURIComponent(evil.issuer)}`)),
    ].map(({ status }) => status)
    expect(statuses).toEqual([400, 400])
    expect(evil.authorizations).toEqual([])
    const nameless = await corp.letIn(await leave(visitor), 'ann')
    expect((await comeBack(visitor, nameless.replace(/&iss=[^&]*/, ''))).status).toBe(400)
    expect((await visitor.get('/account')).status).toBe(303)
  })

  it('with a code that was used, or that the user did not want, comes to the login page with the way back', async () => {
    const { visitor: newVisitor, corp } = await openStage()
    const visitor = newVisitor()
    const at = '/login?return_to=/account/api-keys'
    const used = await corp.letIn(await leave(visitor), 'ann')
    const fresh = await corp.letIn(await leave(visitor, { at }), 'ann')
    expect((await comeBack(visitor, used)).status).toBe(303)
    await visitor.submit('/logout', {})
    const stolen = fresh.replace(/code=[^&]*/, /code=[^&]*/.exec(used)?.[0] ?? '')
    const refused = await comeBack(visitor, stolen)
    expect([refused.status, refused.text]).toEqual([
      400,
      expect.stringContaining('value="/account/api-keys"'),
    ])
    const denied = (await corp.letIn(await leave(visitor, { at }), 'ann')).replace(
      /code=[^&]*/,
      'error=access_denied',
    )
    const answer = await comeBack(visitor, denied)
    expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('you turned back there')])
    expect(answer.text).toContain('value="/account/api-keys"')
  })

  it('waits after many that came to nothing from one network, and counts none that did', async () => {
    const { visitor: newVisitor, corp } = await openStage()
    for (let n = 0; n < 3; n++) expect((await signInWith(newVisitor(), corp, 'ann')).status).toBe(303)
    const visitor = newVisitor()
    for (let n = 0; n < 20; n++) await leave(visitor)
    const refused = await visitor.post('/login/with/corp', {})
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([
      429,
      expect.stringMatching(/^\d+$/),
    ])
  })
})

describe('an upstream provider that', () => {
  it('is down costs nobody the way back, is asked once for all, and works again when it does', async () => {
    const { environment, advance } = settableEnvironment()
    const { visitor: newVisitor, corp } = await openStage({ options: { environment } })
    const path = '/.well-known/openid-configuration'
    const broken = [
      null,
      { status: 500, body: '{}' },
      { status: 200, body: 'x'.repeat(300_000) },
      { status: 302, body: '' },
    ]
    for (const instead of broken) {
      corp.instead.set(path, instead)
      const visitor = newVisitor()
      const answer = await visitor.submit('/login?return_to=/account/api-keys', {}, '/login/with/corp')
      expect([answer.status, answer.text]).toEqual([503, expect.stringContaining('does not work right now')])
      expect(answer.text).toContain('value="/account/api-keys"')
      // A moment in which it is not asked again.
      expect((await visitor.submit('/login', {}, '/login/with/corp')).status).toBe(503)
      advance(2_001)
    }
    const asked = corp.requests.get(path)
    await Promise.all([1, 2, 3].map(() => leave(newVisitor())))
    expect(corp.requests.get(path)).toBe((asked ?? 0) + 1)
  })

  it('is down when somebody comes back shows a page that says so', async () => {
    const { visitor: newVisitor, corp } = await openStage()
    for (const instead of [null, { status: 503, body: '{}' }, { status: 200, body: 'x'.repeat(300_000) }]) {
      const visitor = newVisitor()
      const answer = await corp.letIn(await leave(visitor), 'ann')
      corp.instead.set('/token', instead)
      const page = await comeBack(visitor, answer)
      expect([page.status, page.text]).toEqual([503, expect.stringContaining('does not work right now')])
    }
    const visitor = newVisitor()
    const answer = await corp.letIn(await leave(visitor), 'ann')
    corp.instead.set('/jwks', null)
    expect((await comeBack(visitor, answer)).status).toBeGreaterThanOrEqual(400)
  })

  it('changes its keys is believed under the new ones', async () => {
    const { environment, advance } = settableEnvironment()
    const { visitor, corp } = await openStage({ options: { environment } })
    expect((await signInWith(visitor(), corp, 'ann')).status).toBe(303)
    const other = visitor()
    const before = await corp.letIn(await leave(other), 'ann')
    await corp.rotateKeys()
    // Unknown keys are not asked for at once again and again.
    advance(31_000)
    expect((await signInWith(visitor(), corp, 'ann')).status).toBe(303)
    expect((await comeBack(other, before)).status).toBeGreaterThanOrEqual(400)
  })

  it('calls itself by another name in its metadata is not used', async () => {
    const { visitor, corp } = await openStage()
    corp.metadata = { issuer: 'https://other.example' }
    expect((await visitor().post('/login/with/corp', {})).status).toBe(503)
  })
})
