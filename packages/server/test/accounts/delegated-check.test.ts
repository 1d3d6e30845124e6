import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { FakeEnvironment } from 'coatcheck/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { resolveSettings } from '../../src/config/resolve.ts'
import { signIn } from '../helpers/signed-in.ts'
import { testAuthority } from '../helpers/test-server.ts'

const FROM = { address: '192.0.2.1', device: null }

type Answer = (
  asked: { readonly name: string; readonly password: string },
  response: ServerResponse,
) => unknown

/** A server whose names and passwords are checked by an endpoint of the test's. */
async function open(answer: Answer) {
  const endpoint = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => answer(JSON.parse(body), response))
  })
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    endpoint.closeAllConnections()
    endpoint.close()
  })
  const environment = new FakeEnvironment()
  const verifyUrl = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/verify`
  const authority = await testAuthority({ verifyUrl }, { environment })
  const verify = (name: string, password = 'secret') => authority.accounts.verify({ name, password, ...FROM })
  return { authority, environment, verify, accounts: authority.accounts }
}

function json(response: ServerResponse, status: number, content: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content))
}

describe("the owner's endpoint", () => {
  it('says who somebody is; the account here is a mirror', async () => {
    let role = 'reader'
    const { verify, accounts, authority } = await open(({ name, password }, response) =>
      password === 'secret'
        ? json(response, 200, {
            userId: `id-${name.toLowerCase()}`,
            claims: { role },
            methods: ['pwd', 'otp'],
          })
        : json(response, 401, {}),
    )
    expect(await verify('Ada')).toMatchObject({
      ok: true,
      account: { id: 'id-ada', name: 'Ada', claims: { role: 'reader' }, passwordChangedAt: null },
      methods: ['pwd', 'otp'],
    })
    role = 'editor'
    expect(await verify('ADA')).toMatchObject({
      ok: true,
      account: { id: 'id-ada', claims: { role: 'editor' } },
    })
    expect(await verify('ada', 'wrong')).toEqual({ ok: false, reason: 'invalid' })
    expect((await accounts.list()).accounts.length).toBe(1)
    await signIn(authority, { userId: 'id-ada', claims: { role: 'editor' } })
    role = 'owner'
    await verify('ada')
    const [session] = (await authority.sessions.list('id-ada')).sessions
    const found = session && (await authority.sessions.manager.lookUp(session.id))
    expect(found).toMatchObject({ status: 'live', record: { data: { claims: { role: 'owner' } } } })
    await accounts.disable('id-ada')
    expect(await verify('ada')).toEqual({ ok: false, reason: 'disabled' })
  })

  it('may give a name to somebody else', async () => {
    let userId = 'first'
    const { verify, accounts } = await open((_, response) => json(response, 200, { userId }))
    await verify('ada')
    userId = 'second'
    expect(await verify('ada')).toMatchObject({ ok: true, account: { id: 'second' } })
    expect((await accounts.findByName('ada'))?.id).toBe('second')
    expect((await accounts.find('first'))?.id).toBe('first')
  })

  it('cannot make anybody a service, nor an administrator', async () => {
    let answer: unknown = { userId: 'service:shop' }
    const { verify, accounts } = await open((_, response) => json(response, 200, answer))
    for (const bad of ['service:shop', '\u0001refresh\u0001x', '', 'x'.repeat(300), 7, '-', 'a\nb']) {
      answer = { userId: bad }
      expect([bad, await verify(`name-${String(bad).length}`)]).toMatchObject([
        bad,
        { ok: false, reason: 'unavailable' },
      ])
    }
    answer = { userId: 'mallory', admin: true, claims: { admin: true } }
    expect(await verify('mallory')).toMatchObject({ ok: true, account: { admin: false } })
    expect(await accounts.verify({ name: 'mallory', password: 'x', ...FROM, kind: 'admin' })).toMatchObject({
      ok: false,
    })
  })

  it.each<[string, Answer]>([
    ['is down', (_, response) => response.destroy()],
    ['fails', (_, response) => json(response, 500, {})],
    ['says nothing that is agreed', (_, response) => json(response, 200, { user: 'ada' })],
    [
      'sends somebody elsewhere',
      (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    ],
    ['sends too much', (_, response) => json(response, 200, { userId: 'ada', more: 'x'.repeat(100_000) })],
    [
      'sends too many claims',
      (_, response) => json(response, 200, { userId: 'ada', claims: { x: 'x'.repeat(9_000) } }),
    ],
  ])('lets nobody in when it %s, and nobody pays for it', async (_, answer) => {
    const { verify } = await open(answer)
    for (let n = 0; n < 8; n++)
      expect(await verify('ada')).toMatchObject({ ok: false, reason: 'unavailable' })
  })

  it('that does not answer is waited for ten seconds', async () => {
    let asked: () => void
    const reached = new Promise<void>((resolve) => {
      asked = resolve
    })
    const { verify, environment } = await open(() => asked())
    const verdict = verify('ada')
    await reached
    environment.advance(10_000)
    expect(await verdict).toMatchObject({ ok: false, reason: 'unavailable' })
  })

  it('must be reached over TLS, unless it is on this machine', () => {
    const given = (text: string) => ({ verifyUrl: { text, source: 'flag' as const } })
    expect(() => resolveSettings(given('http://auth.example/verify'))).toThrow(
      'verify-url must begin with https://',
    )
    expect(resolveSettings(given('https://auth.example/verify')).settings.verifyUrl).toContain('auth.example')
  })
})
