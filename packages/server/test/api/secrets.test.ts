import { Buffer } from 'node:buffer'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startTestServer } from '../helpers/test-server.ts'
import { logIn, serviceOf, visit } from './client.ts'

describe('what the session API is given and gives', () => {
  it('AUD-01 HDR-07 P6 is in no log line, no file but as a hash, and no error', async () => {
    const lines: string[] = []
    const logTo = { write: (line: string) => void lines.push(line) }
    const server = await startTestServer({ logLevel: 'debug' }, { logTo })
    const service = await serviceOf(server)
    const { call, authority, key } = service
    const { cookie } = await logIn(service)
    const token = cookie.split('=')[1] ?? ''
    const bearer = await call(
      'POST',
      '/v1/sessions',
      { userId: 'ada', transport: 'bearer' },
      { 'idempotency-key': 'once' },
    )
    const secrets = [key, token, bearer.body.token]
    const evil = visit({ cookie, origin: 'https://evil.example' }, { method: 'POST' })
    await call('POST', '/v1/sessions/validate', { exchange: evil })
    await call('POST', '/v1/sessions/validate', { exchange: visit({ cookie: `${cookie}x` }) })
    const faulty = [
      await call('POST', '/v1/sessions/validate', { token: [bearer.body.token] }),
      await call('POST', '/v1/sessions/validate', { [bearer.body.token]: 1 }),
      await call('POST', '/v1/sessions', `{"token":"${token}`),
      await call('GET', `/v1/sessions/${token}`),
      await call('GET', `/v1/users/ada/sessions?cursor=${token}`),
    ]
    await authority.database.run('DROP TABLE coatcheck_idempotency')
    const down = await call('POST', '/v1/sessions', { userId: 'ada' }, { 'idempotency-key': 'k' })
    expect([down.status, down.body.code]).toEqual([503, 'unavailable'])
    await authority.sessions.close()
    faulty.push(down, await call('POST', '/v1/sessions/validate', { token: bearer.body.token }))
    expect(faulty.every(({ status }) => status >= 400)).toBe(true)
    const answers = JSON.stringify(faulty.map(({ body }) => body))
    expect(answers).not.toMatch(/SELECT|INSERT|no such table|\.ts:|at async/)
    await server.stop()
    await authority.close()
    const { dataDirectory } = authority.settings
    const files = readdirSync(dataDirectory)
      .filter((name) => name.includes('.db'))
      .map((name) => readFileSync(join(dataDirectory, name), 'latin1'))
    expect(lines.length).toBeGreaterThan(5)
    for (const secret of secrets.flatMap((one) => [one, Buffer.from(one).toString('base64url')])) {
      expect(answers).not.toContain(secret)
      expect(lines.filter((line) => line.includes(secret))).toEqual([])
      expect(files.some((file) => file.includes(secret))).toBe(false)
    }
  })
})
