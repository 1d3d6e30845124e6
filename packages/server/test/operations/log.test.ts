import { signedIn } from 'coatcheck/testing'
import { describe, expect, it } from 'vitest'
import { createLog } from '../../src/operations/log.ts'
import { DatabaseError } from '../../src/storage/database.ts'
import { startTestServer, testAuthority } from '../helpers/test-server.ts'

describe('the log', () => {
  it('AUD-03 is one JSON object a line, in UTC, whatever is in it', () => {
    const { log, lines } = openLog()
    log.info({ userId: 'a\r\n{"level":"fatal"}\u001b[31m' }, 'two\nlines')
    expect(lines).toHaveLength(1)
    for (const control of ['\n', '\r', '\u001b']) expect(lines[0]?.trimEnd()).not.toContain(control)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      userId: 'a\r\n{"level":"fatal"}\u001b[31m',
      msg: 'two\nlines',
    })
  })

  it('AUD-01 keeps no token, even where one is given to it', async () => {
    const { log, lines } = openLog()
    const authority = await testAuthority()
    const token = String((await signedIn(authority.sessions, 'ada', { transport: 'bearer' })).token)
    const { text } = await authority.apiKeys.create({ owner: 'ada', name: 'reports' })
    log.error(
      { err: new Error(`failed for ${token}`), header: `Bearer ${token}`, url: `/?key=${text}` },
      token,
    )
    expect(lines.join('')).not.toContain(token)
    expect(lines.join('')).not.toContain(text)
    expect(lines.join('')).toContain('[token]')
  })

  it('says of errors what they are, and not what drivers hang on them', () => {
    const { log, lines } = openLog()
    const cause = Object.assign(new Error('duplicate'), {
      code: '23505',
      detail: 'Key (name)=(hunter2)',
      parameters: ['hunter2'],
    })
    log.error({ err: new DatabaseError('There is such a row already.', { cause, conflict: true }) })
    expect(JSON.parse(lines[0] ?? '').err).toMatchObject({
      type: 'DatabaseError',
      stack: expect.stringContaining('log.test'),
      cause: { type: 'Error', message: 'duplicate', code: '23505' },
    })
    expect(lines[0]).not.toContain('hunter2')
  })

  it('tells of requests by pattern, status, time and session, and leaves those of machines to level debug', async () => {
    const { output, lines } = openLog()
    const { publicAddress, adminAddress } = await startTestServer({ logLevel: 'info' }, { logTo: output })
    await fetch(`${publicAddress}/nowhere?code=secret`)
    await fetch(`${adminAddress}/healthz`)
    await expect.poll(() => requests(lines)).toHaveLength(1)
    expect(requests(lines)[0]).toEqual({
      level: 'info',
      time: expect.any(String),
      listener: 'public',
      method: 'GET',
      route: 'unmatched',
      status: 404,
      ms: expect.any(Number),
      msg: 'request',
    })
  })

  it('AUD-01 tells of forward-auth and validation with the public id of the session, and no token', async () => {
    const { output, lines } = openLog()
    const server = await startTestServer({ logLevel: 'debug', trustProxy: '127.0.0.1' }, { logTo: output })
    const { authority, publicAddress } = server
    const token = String((await signedIn(authority.sessions, 'ada', { transport: 'bearer' })).token)
    const [session] = (await authority.sessions.list('ada')).sessions
    const authorization = `Bearer ${token}`
    for (const query of ['', '?level=aal9']) {
      await fetch(`${publicAddress}/forward-auth${query}`, { headers: { ...ASKED, authorization } })
    }
    const { text } = await authority.apiKeys.create({ owner: 'service:shop', scopes: ['sessions:validate'] })
    for (const presented of [token, 'none']) {
      await fetch(`${publicAddress}/v1/sessions/validate`, {
        method: 'POST',
        headers: { 'x-api-key': text, 'content-type': 'application/json' },
        body: JSON.stringify({ token: presented }),
      })
    }
    await expect.poll(() => requests(lines)).toHaveLength(4)
    expect(requests(lines).map(({ status, sessionId }) => [status, sessionId])).toEqual([
      [204, session?.id],
      [401, session?.id],
      [200, session?.id],
      [200, undefined],
    ])
    expect(lines.join('')).not.toContain(token)
  })

  it('AUD-04 a log that fails brings no request down', async () => {
    const output = {
      write() {
        throw new Error('The disk is full.')
      },
    }
    const { publicAddress } = await startTestServer({ logLevel: 'info' }, { logTo: output })
    for (let request = 0; request < 3; request++) {
      expect((await fetch(`${publicAddress}/nowhere`)).status).toBe(404)
    }
  })
})

const ASKED = {
  'x-forwarded-for': '127.0.0.1',
  'x-forwarded-host': 'localhost:4000',
  'x-forwarded-proto': 'http',
  'x-forwarded-method': 'GET',
  'x-forwarded-uri': '/',
}

function openLog() {
  const lines: string[] = []
  const output = { write: (line: string) => void lines.push(line) }
  return { output, lines, log: createLog({ logLevel: 'debug' }, output) }
}

function requests(lines: readonly string[]): Record<string, unknown>[] {
  return lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request')
}
