import { assertNoTokens } from 'coatcheck/testing'
import { expect, it } from 'vitest'
import { PageVisitor } from '../helpers/page-visitor.ts'
import { startTestServer } from '../helpers/test-server.ts'

const PASSWORD = 'nine quiet harpsichords'
const NEXT_PASSWORD = 'eleven loud harpsichords'
const WRONG = 'hunter2 hunter2 hunter2'
const URL_SECRET = 'code-in-a-url-0123456789'

it('AUD-01 no log, metric or audit entry of a whole journey holds a secret that was issued or sent in it', async () => {
  const lines: string[] = []
  const server = await startTestServer(
    { logLevel: 'debug', signUp: 'true', publicUrl: 'http://accounts.localhost', trustProxy: '127.0.0.1' },
    { logTo: { write: (line) => void lines.push(line) } },
  )
  const { authority, publicAddress, adminAddress } = server
  const secrets = new Set([PASSWORD, NEXT_PASSWORD, WRONG, URL_SECRET])
  const keep = (headers: Headers) => {
    for (const line of headers.getSetCookie()) {
      const value = line.split(';', 1)[0]?.split('=')[1] ?? ''
      if (value.length > 15) secrets.add(value)
    }
    const token = headers.get('x-auth-token')
    if (token !== null) secrets.add(token)
  }

  const ada = new PageVisitor(publicAddress)
  keep((await ada.submit('/sign-up', { name: 'ada', password: PASSWORD, repeated: PASSWORD })).headers)
  keep((await ada.submit('/logout', {})).headers)
  for (const name of ['ada', 'nobody', `${WRONG}`]) {
    keep((await new PageVisitor(publicAddress).login(name, WRONG)).headers)
  }
  const login = await ada.login('ada', PASSWORD)
  keep(login.headers)
  expect(login.status).toBe(303)
  keep((await ada.get(`/account?code=${URL_SECRET}`)).headers)
  keep((await ada.get(`/no/such/${URL_SECRET}`)).headers)
  const asked = {
    ...{
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'accounts.localhost',
      'x-forwarded-proto': 'http',
    },
    ...{ 'x-forwarded-method': 'GET', 'x-forwarded-uri': `/?code=${URL_SECRET}`, cookie: ada.jar.header },
  }
  keep((await fetch(`${publicAddress}/forward-auth?token=reports`, { headers: asked })).headers)

  const { text } = await authority.apiKeys.create({
    ...{ owner: 'service:reports', name: 'reports', scopes: ['sessions:create', 'sessions:validate'] },
  })
  secrets.add(text)
  const service = (path: string, body: object) =>
    fetch(`${publicAddress}${path}`, {
      method: 'POST',
      headers: { 'x-api-key': text, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const made = (await (await service('/v1/sessions', { userId: 'eve', transport: 'bearer' })).json()) as {
    token: string
  }
  secrets.add(made.token)
  for (const token of [made.token, `${made.token.slice(0, -1)}x`]) {
    secrets.add(token)
    await service('/v1/sessions/validate', { token })
    await fetch(`${publicAddress}/account?token=${token}`, { headers: { authorization: `Bearer ${token}` } })
  }
  const changing = { current: PASSWORD, password: NEXT_PASSWORD, repeated: NEXT_PASSWORD }
  keep((await ada.submit('/account/password', changing)).headers)
  const [, csrf = ''] = /name="csrf[^"]*" value="([^"]+)"/.exec((await ada.get('/account')).text) ?? []
  if (csrf !== '') secrets.add(csrf)
  await ada.submit('/logout', {})

  const metrics = await (await fetch(`${adminAddress}/metrics`)).text()
  const { entries } = await authority.audit.list({ limit: 1_000 })
  const written = [...lines, metrics, JSON.stringify(entries)]
  expect(secrets.size).toBeGreaterThan(8)
  expect(lines.length).toBeGreaterThan(10)
  expect(entries.length).toBeGreaterThan(4)
  for (const secret of secrets) {
    const forms = [secret, Buffer.from(secret).toString('base64url'), encodeURIComponent(secret)]
    for (const form of forms) expect(written.filter((one) => one.includes(form))).toEqual([])
  }
  assertNoTokens(written, [made.token, text])
})
