import { describe, expect, it } from 'vitest'
import { createDpop } from '../../src/tokens/index.ts'
import { DAY, MINUTE } from '../helpers/nodes.ts'
import { ProofClient } from './dpop/client.ts'
import { accessVerdict, claimsOf, familyEvents, signedIn, type TokenNode, tokenNodes } from './token-nodes.ts'

const URL_ = 'https://accounts.example/token'
const GRANT = { grant_type: 'refresh_token' }

describe('the token endpoint', () => {
  it.each([
    ['a form', (fields: Fields) => form(fields)],
    ['JSON', (fields: Fields) => json(fields)],
  ])('answers a refresh by %s as RFC 6749 says, and lets nobody keep it', async (_, post) => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    here.environment.advance(5 * MINUTE)
    const fields = { ...GRANT, refresh_token: set.refreshToken, client_id: 'phone' }
    const response = await here.tokens.handle(post(fields))
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('content-type')).toBe('application/json')
    expect([...response.headers.keys()]).not.toContain('set-cookie')
    const body = (await response.json()) as TokenResponse
    expect(body).toEqual({
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'orders:read orders:write',
      refresh_token: expect.stringMatching(/^[\w-]{68}$/),
      refresh_token_expires_in: (30 * DAY - 5 * MINUTE) / 1000,
    })
    expect(body.refresh_token).not.toBe(set.refreshToken)
    expect(await accessVerdict(here, body.access_token)).toBe('ok')
  })

  it('RT-05 narrows by scope and resource, and refuses what is wider or somebody else’s', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    const fields = { ...GRANT, refresh_token: set.refreshToken }
    const asked = { ...fields, scope: 'orders:read', resource: 'https://stock.example' }
    const narrow = (await (await here.tokens.handle(form(asked))).json()) as TokenResponse
    expect(claimsOf(narrow.access_token)).toMatchObject({
      scope: 'orders:read',
      aud: 'https://stock.example',
    })
    expect(await errorOf(here, form({ ...fields, scope: 'admin' }))).toBe('400 invalid_scope')
    expect(await errorOf(here, form({ ...fields, scope: 'orders:read\t' }))).toBe('400 invalid_scope')
    expect(await errorOf(here, form({ ...fields, resource: 'https://x.example' }))).toBe('400 invalid_target')
    expect(await errorOf(here, form({ ...fields, client_id: 'tv' }))).toBe('400 invalid_grant')
    expect(await errorOf(here, form({ ...fields, refresh_token: 'x' }))).toBe('400 invalid_grant')
  })

  it('refuses what is no such request, without looking at a token', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    const fields = { ...GRANT, refresh_token: set.refreshToken }
    here.store.clearCalls()
    const text = new URLSearchParams(fields).toString()
    const wrong: readonly (readonly [Request, string])[] = [
      [new Request(`${URL_}?${text}`), '405 invalid_request'],
      [form({ grant_type: 'password', username: 'ada' }), '400 unsupported_grant_type'],
      [form({ refresh_token: set.refreshToken }), '400 invalid_request'],
      [form({ ...fields, refresh_token: '' }), '400 invalid_request'],
      [body(`${text}&refresh_token=x`), '400 invalid_request'],
      [body(text, 'text/plain'), '400 invalid_request'],
      [body(`${text}&pad=${'x'.repeat(20_000)}`), '400 invalid_request'],
      [body('{"grant_type":', 'application/json'), '400 invalid_request'],
      [body('[1]', 'application/json'), '400 invalid_request'],
      [body('null', 'application/json'), '400 invalid_request'],
      [body(JSON.stringify({ ...fields, refresh_token: 7 }), 'application/json'), '400 invalid_request'],
      [new Request(`${URL_}?${text}`, { method: 'POST' }), '400 invalid_request'],
    ]
    for (const [request, error] of wrong) expect(await errorOf(here, request)).toBe(error)
    expect(here.store.calls).toEqual([])
  })

  it('P10 P3 says so where the store fails, with no word that would make a client throw its token away', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    const fields = { ...GRANT, refresh_token: set.refreshToken }
    here.store.fail('*')
    expect(await errorOf(here, form(fields))).toBe('503 temporarily_unavailable')
    here.store.heal()
    expect((await here.tokens.handle(form(fields))).status).toBe(200)
  })

  it('AUD-01 AUD-03 tells of who came in harmless words', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    const events = familyEvents(here)
    here.environment.advance(MINUTE)
    const request = form({ ...GRANT, refresh_token: set.refreshToken })
    request.headers.set('user-agent', `Phone app \u009b31m${'x'.repeat(400)}`)
    await here.tokens.handle(request)
    const [{ context }] = events as unknown as [{ context: { userAgent: string } }]
    expect(context.userAgent).toMatch(/^Phone app {1,2}31mx+$/)
    expect(context.userAgent.length).toBeLessThanOrEqual(256)
  })
})

describe('the logout endpoint', () => {
  it('P9 ends the session of the refresh token that it is given, and says the same to any other', async () => {
    const { here, there } = tokenNodes({ nearCache: true })
    const { session, set } = await signedIn(here)
    const sibling = await signedIn(here)
    for (const token of ['x', set.accessToken]) {
      expect((await here.tokens.handleLogout(form({ token }))).status).toBe(200)
    }
    expect(await accessVerdict(there, set.accessToken)).toBe('ok')
    const response = await there.tokens.handleLogout(form({ token: set.refreshToken }))
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect(await here.manager.find(session.id)).toBeNull()
    expect(await accessVerdict(here, set.accessToken)).toBe('revoked')
    expect(await accessVerdict(here, sibling.set.accessToken)).toBe('ok')
    expect(there.events.of('ended')).toMatchObject([{ sessionId: session.id, reason: 'logout' }])
    expect((await there.tokens.handleLogout(form({ token: set.refreshToken }))).status).toBe(200)
  })

  it('P10 does not say that it has, where it could not', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    here.store.fail('*')
    expect((await here.tokens.handleLogout(form({ token: set.refreshToken }))).status).toBe(503)
    here.store.heal()
    expect((await here.tokens.handleLogout(form({}))).status).toBe(400)
    expect((await here.tokens.handleLogout(new Request(URL_))).status).toBe(405)
    expect(await accessVerdict(here, set.accessToken)).toBe('ok')
  })
})

describe('a refresh token of a client that proves a key', () => {
  it('DPOP-06 RT-01 is bound to it: no other key, no plain request gets anything, and the owner is not signed out', async () => {
    const { here } = tokenNodes({}, () => ({ dpop: createDpop() }))
    const [owner, thief] = [
      await ProofClient.create(here.environment),
      await ProofClient.create(here.environment),
    ]
    const { set } = await signedIn(here, 'ada', { proof: { jkt: owner.jkt } })
    expect(set.tokenType).toBe('DPoP')
    expect(claimsOf(set.accessToken)).toMatchObject({ cnf: { jkt: owner.jkt } })
    here.environment.advance(5 * MINUTE)
    const fields = { ...GRANT, refresh_token: set.refreshToken }
    expect(await errorOf(here, form(fields))).toBe('400 invalid_grant')
    expect(await errorOf(here, await proven(thief, fields))).toBe('400 invalid_grant')
    const response = await here.tokens.handle(await proven(owner, fields))
    const next = (await response.json()) as TokenResponse
    expect(next).toMatchObject({ token_type: 'DPoP' })
    expect(claimsOf(next.access_token)).toMatchObject({ cnf: { jkt: owner.jkt } })
    expect((await here.tokens.list('ada')).families).toMatchObject([{ bound: true }])
  })

  it('DPOP-03 wants a new proof for each request', async () => {
    const { here } = tokenNodes({}, () => ({ dpop: createDpop() }))
    const owner = await ProofClient.create(here.environment)
    const { set } = await signedIn(here, 'ada', { proof: { jkt: owner.jkt } })
    const fields = { ...GRANT, refresh_token: set.refreshToken }
    const request = await proven(owner, fields)
    const again = request.clone()
    expect((await here.tokens.handle(request)).status).toBe(200)
    expect(await errorOf(here, again)).toBe('400 invalid_dpop_proof')
    const elsewhere = await owner.proof({ method: 'POST', url: 'https://elsewhere.example/token' })
    expect(await errorOf(here, form(fields, { dpop: elsewhere }))).toBe('400 invalid_dpop_proof')
    const two = `${await owner.proof({ method: 'POST', url: URL_ })}, x`
    expect(await errorOf(here, form(fields, { dpop: two }))).toBe('400 invalid_dpop_proof')
  })

  it('DPOP-07 is told of the nonce that it needs', async () => {
    const { here } = tokenNodes({}, () => ({ dpop: createDpop({ nonce: 'require' }) }))
    const owner = await ProofClient.create(here.environment)
    const { set } = await signedIn(here, 'ada', { proof: { jkt: owner.jkt } })
    const fields = { ...GRANT, refresh_token: set.refreshToken }
    const refused = await here.tokens.handle(await proven(owner, fields))
    expect([refused.status, await refused.json()]).toEqual([400, { error: 'use_dpop_nonce' }])
    const nonce = refused.headers.get('dpop-nonce')
    expect(refused.headers.get('cache-control')).toBe('no-store')
    const accepted = await here.tokens.handle(await proven(owner, fields, nonce))
    expect(accepted.status).toBe(200)
  })

  it('P3 goes on where it was not bound when it was issued; a policy that requires proofs takes bound ones alone', async () => {
    const { here, there } = tokenNodes({}, () => ({ dpop: createDpop() }))
    const client = await ProofClient.create(here.environment)
    const { session, set } = await signedIn(here)
    const fields = { ...GRANT, refresh_token: set.refreshToken }
    const response = await here.tokens.handle(await proven(client, fields))
    expect(await response.json()).toMatchObject({ token_type: 'Bearer' })
    const strict = tokenNodes({ store: there.store, environment: here.environment }, { binding: 'require' })
    const handle = { id: session.id as never, userId: 'ada' }
    const phone = { id: 'phone', audience: 'https://orders.example' }
    expect(await strict.here.tokens.issue(handle, phone)).toEqual({ ok: false, error: 'invalid_dpop_proof' })
    expect(await errorOf(strict.here, form(fields))).toBe('400 invalid_grant')
    const bound = await strict.here.tokens.issue(handle, phone, { proof: { jkt: client.jkt } })
    expect(bound).toMatchObject({ ok: true, tokenType: 'DPoP' })
  })
})

interface TokenResponse {
  readonly access_token: string
  readonly refresh_token: string
}

type Fields = Readonly<Record<string, string>>

function body(text: string, type = 'application/x-www-form-urlencoded', headers: Fields = {}): Request {
  return new Request(URL_, { method: 'POST', body: text, headers: { 'content-type': type, ...headers } })
}

function form(fields: Fields, headers: Fields = {}): Request {
  return body(new URLSearchParams(fields).toString(), undefined, headers)
}

function json(fields: Fields): Request {
  return body(JSON.stringify(fields), 'application/json; charset=utf-8')
}

async function proven(client: ProofClient, fields: Fields, nonce: string | null = null): Promise<Request> {
  return form(fields, { dpop: await client.proof({ method: 'POST', url: URL_, nonce }) })
}

async function errorOf(node: TokenNode, request: Request): Promise<string> {
  const response = await node.tokens.handle(request)
  const { error } = (await response.json()) as { error: string }
  return `${response.status} ${error}`
}
