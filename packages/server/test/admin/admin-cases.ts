import { describe, expect, it } from 'vitest'
import { adminApi } from '../../src/admin/admin-api.ts'
import { makeFirstAdministrator } from '../../src/admin/login-routes.ts'
import { isSetupToken, issueSetupToken } from '../../src/admin/setup.ts'
import type { Authority } from '../../src/authority.ts'
import { authenticator } from '../helpers/authenticator.ts'

const PASSWORD = 'correct horse battery'

/** What tests look at in answers, of whatever call; each has some of it. */
interface Body {
  readonly id: string
  readonly name: string
  readonly userId: string
  readonly code: string
  readonly detail: string
  readonly text: string
  readonly admin: boolean
  readonly disabled: boolean
  readonly rotated: boolean
  readonly cursor: string | null
  readonly standing: object
  readonly accounts: readonly object[]
  readonly entries: readonly { readonly event: string }[]
  readonly key: { readonly id: string; readonly owner: string; readonly scopes: readonly string[] }
  readonly keys: readonly { readonly kid: string }[]
  /** A list, or the policy of sessions. */
  readonly sessions: readonly { readonly id: string }[] & Policy
  readonly adminSessions: Policy
}

interface Policy {
  readonly rules: readonly object[]
}

interface Answer {
  readonly status: number
  readonly body: Body
}

type Open = () => Promise<Authority>

/** What is done to sessions, on every engine that they can live in. */
export function adminSessionCases(engine: string, open: Open): void {
  describe(`the admin API over sessions in ${engine}`, () => {
    it('CON-04 ends one session, all of a user, and all of everyone', async () => {
      const { authority, call } = await opened(open)
      const [one, two] = [await login(authority, 'ada'), await login(authority, 'ada')]
      const [bob, eve] = [await login(authority, 'bob'), await login(authority, 'eve')]
      expect((await call('DELETE', `/sessions/${one.id}`)).status).toBe(204)
      expect(await lives(authority, one, two, bob, eve)).toEqual([false, true, true, true])
      expect((await call('POST', '/sessions/end', { user: 'ada' })).body).toEqual({ ended: 1 })
      expect(await lives(authority, two, bob, eve)).toEqual([false, true, true])
      expect((await call('POST', '/sessions/end', { everyone: true })).status).toBe(200)
      expect(await lives(authority, bob, eve)).toEqual([false, false])
      const { entries } = (await call('GET', '/audit?actorKind=command')).body
      expect(entries.map(({ event }) => event)).toEqual([
        'session.everyone-revoked',
        'session.user-revoked',
        'session.revoked',
      ])
    })

    it('CON-05 takes an id of nobody, a token and a user’s id for no session', async () => {
      const { authority, call } = await opened(open)
      const session = await login(authority, 'ada')
      for (const id of ['A'.repeat(22), session.token, 'ada']) {
        expect((await call('DELETE', `/sessions/${id}`)).status).toBe(404)
        expect((await call('GET', `/sessions/${id}`)).status).toBe(404)
      }
      expect(await lives(authority, session)).toEqual([true])
    })

    it('P6 lists sessions page by page, of all or of one user, without anything that is a credential', async () => {
      const { authority, call } = await opened(open)
      const made: Awaited<ReturnType<typeof login>>[] = []
      for (const user of ['ada', 'bob', 'ada', 'eve', 'ada']) made.push(await login(authority, user))
      const found = new Set<string>()
      let cursor: string | null = ''
      while (cursor !== null) {
        const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
        const { body } = await call('GET', `/sessions?limit=2${query}`)
        for (const { id } of body.sessions) found.add(String(id))
        cursor = body.cursor
        expect(JSON.stringify(body)).not.toMatch(/secret|salt|hash|"data"/i)
      }
      expect(found).toEqual(new Set(made.map(({ id }) => id)))
      expect((await call('GET', '/sessions?user=ada')).body.sessions).toHaveLength(3)
      expect((await call('GET', `/sessions/${made[1]?.id}`)).body.userId).toBe('bob')
    })
  })
}

/** The admin API as commands call it, on every engine that the server can have. */
export function adminApiCases(engine: string, open: Open): void {
  adminSessionCases(engine, open)
  describe('the admin API', () => {
    it('LIO-08 makes, finds, disables, enables and removes accounts, whose sessions end', async () => {
      const { authority, call } = await opened(open)
      await authority.accounts.create({ name: 'chief', password: null, admin: true })
      const made = await call('POST', '/users', {
        name: 'Ada',
        password: PASSWORD,
        claims: { role: 'staff' },
      })
      expect([made.status, made.body.name, made.body.admin]).toEqual([201, 'Ada', false])
      expect(JSON.stringify(made.body)).not.toContain(PASSWORD)
      const id = String(made.body.id)
      expect((await call('POST', '/users', { name: 'ADA', password: PASSWORD })).body.code).toBe('name-taken')
      expect((await call('POST', '/users', { name: 'bob', password: 'short' })).status).toBe(409)
      expect((await call('GET', '/users/ada')).body.id).toBe(id)
      expect((await call('GET', '/users?query=a')).body.accounts).toHaveLength(1)
      const session = await login(authority, id)
      expect((await call('POST', '/users/ada/disable')).status).toBe(204)
      expect(await lives(authority, session)).toEqual([false])
      expect((await call('GET', `/users/${id}`)).body.disabled).toBe(true)
      expect((await call('POST', `/users/${id}/enable`)).status).toBe(204)
      await login(authority, id)
      expect((await call('POST', '/users/ada/end-sessions')).body).toEqual({ ended: 1 })
      expect((await call('PUT', '/users/ada/claims', { claims: { role: 'chief' } })).status).toBe(204)
      expect((await call('PUT', '/users/ada/admin', { admin: true })).status).toBe(204)
      expect((await call('PUT', '/users/ada/password', { password: 'another good one' })).status).toBe(204)
      expect((await call('GET', '/users/ada')).body).toMatchObject({ admin: true, claims: { role: 'chief' } })
      const { secondFactors } = authority.accounts
      const { sealed, key } = secondFactors.propose({ id, name: 'Ada' }, 'Site')
      await secondFactors.add({ id }, sealed, authenticator(key, () => authority.environment.now()).code())
      expect((await call('DELETE', '/users/ada/second-step')).status).toBe(204)
      expect([await secondFactors.find(id), (await call('DELETE', '/users/ada/second-step')).status]).toEqual(
        [null, 404],
      )
      expect((await call('DELETE', '/users/ada')).status).toBe(204)
      expect((await call('GET', '/users/ada')).status).toBe(404)
      expect((await call('DELETE', '/users/ada')).status).toBe(404)
    })

    it('API-01 makes API keys whose text is in one answer alone, lists, rotates and ends them', async () => {
      const { authority, call } = await opened(open)
      const asked = { owner: 'service:shop', name: 'shop', scopes: ['sessions:validate'], expiresIn: '30d' }
      const { status, body } = await call('POST', '/api-keys', asked)
      expect([status, body.key.owner, body.key.scopes]).toEqual([201, 'service:shop', ['sessions:validate']])
      const rotated = await call('POST', `/api-keys/${body.key.id}/rotate`, { overlap: '1h' })
      expect(rotated.status).toBe(201)
      const listed = await call('GET', '/api-keys')
      expect(listed.body.keys).toHaveLength(2)
      expect((await call('GET', '/api-keys?owner=service:shop')).body.keys).toHaveLength(2)
      expect(JSON.stringify(listed.body)).not.toContain(body.text.slice(-39))
      expect((await call('DELETE', `/api-keys/${body.key.id}`)).status).toBe(204)
      expect((await authority.apiKeys.verify(body.text)).ok).toBe(false)
      expect((await authority.apiKeys.verify(rotated.body.text)).ok).toBe(true)
      const wrong = await call('POST', '/api-keys', { owner: 'x', scopes: ['a b'] })
      expect([wrong.status, wrong.body.code]).toEqual([400, 'invalid-request'])
    })

    it('lists, rotates and removes signing keys, without key material', async () => {
      const { call } = await opened(open)
      const { keys } = (await call('GET', '/signing-keys')).body
      expect(keys).toHaveLength(2)
      expect(Object.keys(keys?.[0] ?? {}).sort()).toEqual(['algorithm', 'kid', 'state', 'until'])
      expect((await call('POST', '/signing-keys/rotate')).body.rotated).toBe(false)
      expect((await call('DELETE', `/signing-keys/${keys?.[0]?.kid}`)).body.rotated).toBe(true)
      expect((await call('DELETE', '/signing-keys/none')).status).toBe(404)
      const { entries } = (await call('GET', '/audit?event=signing-key.')).body
      expect(entries.map(({ event }) => event)).toEqual(['signing-key.removed'])
    })

    it('explains every kind of token, and neither uses, touches nor keeps one', async () => {
      const { authority, call } = await opened(open)
      const session = await login(authority, 'ada')
      const { accessToken } = await authority.tokens.accessToken(session, { audience: 'https://api.example' })
      const { text } = await authority.apiKeys.create({ owner: 'ada' })
      const issued = await authority.tokens.issue(session, { id: 'app', audience: 'https://api.example' })
      const refreshToken = issued.ok ? issued.refreshToken : ''
      const inspect = async (token: string) => (await call('POST', '/tokens/inspect', { token })).body
      const before = await authority.sessions.find(session.id)
      expect((await inspect(session.token)).standing).toMatchObject({ state: 'live', tokenAccepted: true })
      expect((await inspect(accessToken)).standing).toMatchObject({ state: 'live' })
      expect((await inspect(text)).standing).toMatchObject({ state: 'live', what: 'API key' })
      expect((await inspect(refreshToken)).standing).toMatchObject({
        what: 'refresh token',
        sessionId: session.id,
      })
      expect(await inspect('hunter2')).toEqual({ says: null, standing: null })
      expect(await authority.sessions.find(session.id)).toEqual(before)
      await authority.sessions.revoke(session.id)
      expect((await inspect(session.token)).standing).toMatchObject({ state: 'ended', reason: 'revoked' })
      expect((await inspect(accessToken)).standing).toMatchObject({ state: 'refused' })
      const trail = JSON.stringify((await call('GET', '/audit?limit=1000')).body)
      for (const token of [session.token, accessToken, text, refreshToken]) expect(trail).not.toContain(token)
    })

    it('shows the policy in force', async () => {
      const { call } = await opened(open)
      const { body } = await call('GET', '/policy')
      expect(body.sessions.rules.length).toBeGreaterThan(10)
      expect(body.adminSessions.rules.length).toBeGreaterThan(10)
    })

    it.each([
      ['GET', '/sessions?user=', undefined],
      ['GET', '/sessions?uesr=ada', undefined],
      ['GET', '/sessions?limit=0', undefined],
      ['GET', '/audit?since=yesterday', undefined],
      ['POST', '/sessions/end', {}],
      ['POST', '/sessions/end', { everyone: false }],
      ['POST', '/sessions/end', { user: 'ada', everyone: true }],
      ['POST', '/users', { name: 7 }],
      ['POST', '/users', { name: 'x', passwrod: 'y' }],
      ['POST', '/api-keys', { owner: 'x', expiresIn: 'soon' }],
      ['POST', '/tokens/inspect', 'hunter2'],
    ] as const)('refuses %s %s %j with the field and no value', async (method, path, body) => {
      const { call } = await opened(open)
      const { status, body: problem } = await call(method, path, body)
      expect([status, problem.code]).toEqual([400, 'invalid-request'])
      expect(problem.detail).not.toMatch(/ada|hunter2|soon|yesterday/)
    })

    it('refuses a body that is no JSON', async () => {
      const { authority } = await opened(open)
      const app = adminApi(authority, { local: true })
      const answer = await app.request('/sessions/end', { method: 'POST', body: '{"everyone":true}' })
      expect(answer.status).toBe(415)
    })
  })

  describe('the set-up link', () => {
    it('names one administrator, however many come with it at once', async () => {
      const authority = await open()
      const token = await issueSetupToken(authority)
      const tries = await Promise.allSettled(
        Array.from({ length: 8 }, (_, index) =>
          makeFirstAdministrator(authority, { token, name: `admin${index}`, password: PASSWORD }),
        ),
      )
      expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect((await authority.accounts.list()).accounts).toHaveLength(1)
      expect(await isSetupToken(authority, token)).toBe(false)
    })

    it('is one of several that processes have made, of which one is good once', async () => {
      const authority = await open()
      const tokens = [await issueSetupToken(authority), await issueSetupToken(authority)]
      const tries = await Promise.allSettled(
        tokens.map((token, index) =>
          makeFirstAdministrator(authority, { token, name: `admin${index}`, password: PASSWORD }),
        ),
      )
      expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    })

    it('is over once there is an administrator, however that one was made', async () => {
      const authority = await open()
      const token = await issueSetupToken(authority)
      await authority.accounts.create({ name: 'ada', password: PASSWORD, admin: true })
      expect(await isSetupToken(authority, token)).toBe(false)
      const late = makeFirstAdministrator(authority, { token, name: 'eve', password: PASSWORD })
      await expect(late).rejects.toThrow()
    })

    it('stays good where name or password cannot be taken, and lies in the database as a hash', async () => {
      const authority = await open()
      const token = await issueSetupToken(authority)
      const weak = makeFirstAdministrator(authority, { token, name: 'ada', password: 'short' })
      await expect(weak).rejects.toThrow()
      expect(await isSetupToken(authority, token)).toBe(true)
      const rows = await authority.database.all('SELECT * FROM coatcheck_setup')
      expect(JSON.stringify(rows)).not.toContain(token)
      const account = await makeFirstAdministrator(authority, { token, name: 'ada', password: PASSWORD })
      expect(account.admin).toBe(true)
      const made = makeFirstAdministrator(authority, { token: 'made-up', name: 'eve', password: PASSWORD })
      await expect(made).rejects.toThrow()
    })
  })
}

async function opened(open: Open) {
  const authority = await open()
  const app = adminApi(authority, { local: true })
  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const answer = await app.request(path, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? null : JSON.parse(text) }
  }
  return { authority, call }
}

async function login({ sessions }: Authority, userId: string) {
  const { session, token } = await sessions.manager.login(null, {
    userId,
    transport: 'bearer',
    context: { userAgent: null, address: null, label: null, fingerprint: 'test' },
    remember: false,
    authentication: { methods: ['pwd'], level: null },
    data: {},
    carry: [],
    operations: [],
    attempt: null,
  })
  return { id: session.record.id, userId, token }
}

function lives({ sessions }: Authority, ...made: readonly { readonly id: string }[]): Promise<boolean[]> {
  return Promise.all(made.map(async ({ id }) => (await sessions.find(id)) !== null))
}
