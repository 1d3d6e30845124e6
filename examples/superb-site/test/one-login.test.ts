import { join } from 'node:path'
import { type Authority, openAuthority, resolveSettings } from '@coatcheck/server'
import * as openid from 'openid-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Addresses, onThisMachine } from '../src/one-login/addresses.ts'
import { Guest, type Page } from './one-login/guest.ts'
import { CAROL, closeOneLoginStage, DAVE, type OneLoginStage, openOneLoginStage } from './one-login/stage.ts'

let stage: OneLoginStage
let at: Addresses
beforeAll(async () => {
  stage = await openOneLoginStage()
  at = stage.addresses
})
afterAll(() => closeOneLoginStage(stage))

const OPINION = { rating: 4, text: 'Rings once.' }

describe('one log-in for two applications', () => {
  it('SSO-01 a sign-in that another browser began, or that was finished before, lets nobody in', async () => {
    const mallory = new Guest()
    const { url: callback } = await signedInUntil(mallory, `${at.shop}/callback`)
    const victim = new Guest()
    const swapped = await victim.go(callback)
    expect([swapped.status, await nameAt(victim, at.shop)]).toEqual([400, null])
    expect(swapped.body).toContain('cannot be finished')
    expect((await mallory.go(callback)).status).toBe(200)
    expect((await mallory.go(callback)).status).toBe(400)
  })

  it('SSO-03 a notice of logout that the accounts server has not signed ends nothing', async () => {
    const guest = new Guest()
    await guest.signIn(at.shop, at.accounts, CAROL)
    const claims = {
      iss: at.accounts,
      aud: 'shop',
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    }
    const parts = [{ alg: 'none', typ: 'logout+jwt' }, claims].map((part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    )
    for (const token of ['x', `${parts.join('.')}.`]) {
      const answer = await new Guest().send(`${at.shop}/back-channel-logout`, {
        form: { logout_token: token },
      })
      expect(answer.status).toBe(400)
    }
    expect(await nameAt(guest, at.shop)).toBe('carol')
  })

  it('keeps the sessions of the applications apart: the cookie of one is no good at the other', async () => {
    const guest = new Guest()
    await guest.signIn(at.shop, at.accounts, CAROL)
    const cookie = guest.jar(at.shop).header
    expect(cookie).toContain('__Host-sid=')
    const page = await new Guest().send(`${at.reviews}/`, { headers: { cookie } })
    expect(page.body).not.toContain('Log out carol')
  })

  it('has no other way in at the shop, and no password to change there', async () => {
    const guest = new Guest()
    expect((await guest.send(`${at.shop}/login`, { form: { ...CAROL } })).status).toBe(404)
    expect((await guest.send(`${at.shop}/sign-up`)).status).toBe(404)
    await guest.signIn(at.shop, at.accounts, CAROL)
    const page = await guest.send(`${at.shop}/account/password`, { form: { password: 'another long one' } })
    expect([page.status, page.headers.location]).toEqual([303, `${at.accounts}/account`])
  })

  it('keeps what is in the cart over a sign-in, a logout and another sign-in', async () => {
    const guest = new Guest()
    await guest.send(`${at.shop}/cart`, { form: { sku: 'bell', return: '/' } })
    await guest.signIn(at.shop, at.accounts, DAVE)
    expect((await guest.send(`${at.shop}/cart`)).body).toContain('Counter bell')
    await logOut(guest, at.shop)
    expect((await guest.send(`${at.shop}/cart`)).body).not.toContain('Counter bell')
    await guest.signIn(at.shop, at.accounts, DAVE)
    expect((await guest.send(`${at.shop}/cart`)).body).toContain('Counter bell')
  })

  it('LIO-07 closes the pages behind forward-auth with a log-out at the shop, and the shop with one at the pages', async () => {
    const guest = new Guest()
    const pages = stage.pagesAddress
    await guest.signIn(at.shop, at.accounts, CAROL)
    expect((await guest.go(`${pages}/`)).body).toContain('Only for members')
    await logOut(guest, at.shop)
    expect((await guest.go(`${pages}/`)).url).toContain(`${at.accounts}/login?`)
    await guest.signIn(at.shop, at.accounts, CAROL)
    expect((await guest.go(`${pages}/`)).body).toContain('Only for members')
    await guest.go(`${pages}/.coatcheck/logout?return_to=/`, { form: {} })
    expect((await guest.send(`${pages}/`)).status).toBe(302)
    await expect.poll(() => nameAt(guest, at.shop)).toBeNull()
  })

  it('gives browsers no token of the accounts server, in cookies or pages', async () => {
    const guest = new Guest()
    await guest.signIn(at.shop, at.accounts, CAROL)
    const page = await guest.send(`${at.shop}/account`)
    expect([page.status, guest.jar(at.shop).header + page.body]).toEqual([
      200,
      expect.not.stringMatching(/eyJ/),
    ])
  })

  it('sends who has to prove themselves anew to the accounts server, and lets them go on', async () => {
    const guest = new Guest()
    await guest.signIn(at.shop, at.accounts, DAVE)
    let asked = { url: '' } as Page
    // A proof of this very second is as fresh as one can be.
    await expect
      .poll(async () => {
        asked = await guest.go(`${at.shop}/confirm?return=%2Fdevices`)
        return asked.url
      })
      .toContain(`${at.accounts}/login?`)
    const back = await guest.logIn(asked, DAVE)
    expect(back.url).toBe(`${at.shop}/devices`)
    const done = await guest.send(`${at.shop}/devices/end-others`, { form: {} })
    expect(done.headers.location).toBe('/devices')
  })
})

describe('the API of the reviews', () => {
  it('may be read by everybody', async () => {
    const page = await new Guest().send(`${at.reviewsApi}/articles/bell`)
    expect([page.status, JSON.parse(page.body)]).toEqual([200, expect.objectContaining({ average: 4 })])
    expect((await new Guest().send(`${at.reviewsApi}/articles/nothing`)).status).toBe(404)
  })

  it('OA-11 takes access tokens that are for it alone: no session, no ID token, nothing forged', async () => {
    const guest = new Guest()
    await guest.signIn(at.reviews, at.accounts, CAROL)
    const write = (authorization?: string) =>
      guest.send(`${at.reviewsApi}/articles/bell`, {
        json: OPINION,
        ...(authorization !== undefined && { headers: { authorization } }),
      })
    // The browser sends its cookie along.
    const bare = await write()
    expect([bare.status, bare.headers['www-authenticate']]).toEqual([401, 'Bearer'])
    const cookie = guest.jar(at.reviews).get('__Host-sid')
    for (const token of [cookie, 'eyJhbGciOiJub25lIn0.e30.', 'x']) {
      const answer = await write(`Bearer ${token}`)
      expect([answer.status, answer.headers['www-authenticate']]).toEqual([
        401,
        'Bearer error="invalid_token"',
      ])
    }
  })

  it('OA-11 OA-12 takes no token for another API, without its scope, or of a service that is no user', async () => {
    const write = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` }
      const answer = await new Guest().send(`${at.reviewsApi}/articles/bell`, { json: OPINION, headers })
      return [answer.status, answer.headers['www-authenticate']]
    }
    const elsewhere = 'https://other.example/api'
    const scopes = ['reviews:read', 'reviews:write']
    const resources = { [at.reviewsApi]: scopes, [elsewhere]: scopes }
    const robot = await register({ name: 'Robot', kind: 'service', resources })
    const tokenFor = async (resource: string, scope: string) =>
      (await openid.clientCredentialsGrant(robot, { resource, scope })).access_token
    const foreign = await write(await tokenFor(elsewhere, 'reviews:write'))
    expect(foreign).toEqual([401, 'Bearer error="invalid_token"'])
    const insufficient = [403, 'Bearer error="insufficient_scope", scope="reviews:write"']
    for (const scope of scopes)
      expect(await write(await tokenFor(at.reviewsApi, scope))).toEqual(insufficient)
  })

  it('SSO-06 takes the token of a user until they log out, and no second longer', async () => {
    const guest = new Guest()
    const token = await userToken(guest)
    const write = () => {
      const headers = { authorization: `Bearer ${token}` }
      return new Guest().send(`${at.reviewsApi}/articles/ticket`, { json: OPINION, headers })
    }
    expect((await write()).status).toBe(201)
    await guest.send(`${at.accounts}/logout`, { form: {} })
    expect((await write()).status).toBe(401)
  })

  it('publishes what the shop brings in the name of a user, once for each article', async () => {
    const guest = new Guest()
    await guest.signIn(at.shop, at.accounts, CAROL)
    const post = (text: string) =>
      guest.go(`${at.shop}/products/hanger/reviews`, { form: { rating: '5', text } })
    expect((await post('Keeps its <b>shape</b>.')).body).toContain('Your review is published')
    const page = await post('Keeps its shape still.')
    expect(page.body).toContain('Keeps its shape still.')
    expect(page.body).not.toContain('<b>shape</b>')
    const { count } = JSON.parse((await guest.send(`${at.reviewsApi}/articles/hanger`)).body)
    expect(count).toBe(1)
    expect((await post(' ')).body).toContain('Write a few words')
    expect((await guest.send(`${at.reviews}/articles/hanger`)).body).toContain('Keeps its shape still.')
  })

  it('CSRF-01 is not reached by a form of another site that the shop would pass on', async () => {
    const guest = new Guest()
    await guest.signIn(at.shop, at.accounts, CAROL)
    const answer = await guest.send(`${at.shop}/products/peg/reviews`, {
      form: { rating: '1', text: 'Not by me.' },
      headers: { origin: 'http://attacker.localhost:1', 'sec-fetch-site': 'cross-site' },
    })
    expect(answer.status).toBe(403)
    expect((await guest.send(`${at.reviewsApi}/articles/peg`)).body).not.toContain('Not by me')
  })
})

/** Signs in and stops before the application hears of it. */
async function signedInUntil(guest: Guest, until: string) {
  return guest.logIn(await guest.go(`${at.shop}/login`), CAROL, until)
}

/** An application that the owner registers beside those of the demo. */
async function register(asked: Parameters<Authority['oauth']['clients']['add']>[0]) {
  const dataDirectory = { text: join(stage.directory, 'session-server'), source: 'flag' } as const
  const authority = await openAuthority(resolveSettings({ dataDirectory }).settings)
  const added = await authority.oauth.clients.add(asked)
  await authority.close()
  if (!added.ok || added.secret === null) throw new Error('not registered')
  return openid.discovery(
    new URL(at.accounts),
    added.client.id,
    undefined,
    openid.ClientSecretBasic(added.secret),
    {
      execute: [openid.allowInsecureRequests],
      [openid.customFetch]: (url, init) => fetch(onThisMachine(url), init as RequestInit),
    },
  )
}

/** Of another application that acts for a user. */
async function userToken(guest: Guest): Promise<string> {
  const callback = 'https://other.example/callback'
  const [resource, scope] = [at.reviewsApi, 'reviews:write']
  const config = await register({
    ...{ name: 'Other', kind: 'confidential', trusted: true, redirectUris: [callback] },
    resources: { [resource]: [scope] },
  })
  const pkceCodeVerifier = openid.randomPKCECodeVerifier()
  const code_challenge = await openid.calculatePKCECodeChallenge(pkceCodeVerifier)
  const { href } = openid.buildAuthorizationUrl(config, {
    ...{ redirect_uri: callback, resource, scope: `openid ${scope}` },
    ...{ code_challenge, code_challenge_method: 'S256' },
  })
  const { url } = await guest.logIn(await guest.go(href), CAROL, callback)
  return (await openid.authorizationCodeGrant(config, new URL(url), { pkceCodeVerifier })).access_token
}

async function nameAt(guest: Guest, application: string): Promise<string | null> {
  const { body } = await guest.send(`${application}/`)
  return /Log out (\w+)/.exec(body)?.[1] ?? null
}

async function logOut(guest: Guest, application: string): Promise<void> {
  await guest.go(`${application}/logout`, { form: {} })
}
