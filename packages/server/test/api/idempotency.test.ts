import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FakeEnvironment } from 'coatcheck/testing'
import { describe, expect, it } from 'vitest'
import { Idempotency } from '../../src/api/idempotency.ts'
import { startTestServer, testAuthority } from '../helpers/test-server.ts'
import { serviceOf, startService } from './client.ts'

const BODY = { userId: 'ada', transport: 'bearer' }

describe('creating a session under an Idempotency-Key', () => {
  it('makes one session of 50 calls at once', async () => {
    const { call, authority } = await startService()
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => call('POST', '/v1/sessions', BODY, { 'idempotency-key': 'k' })),
    )
    const tokens = answers.filter(({ status }) => status === 201).map(({ body }) => body.token)
    expect(new Set(tokens).size).toBe(1)
    expect(answers.filter(({ status }) => status !== 201 && status !== 409)).toEqual([])
    expect((await authority.sessions.list('ada')).sessions).toHaveLength(1)
    const again = await call('POST', '/v1/sessions', BODY, { 'idempotency-key': 'k' })
    expect([again.status, again.body.token]).toEqual([201, tokens[0]])
    expect(again.headers.get('idempotency-replayed')).toBe('true')
  })

  it('refuses another body, keeps the calls of each key apart, and remembers no refusal', async () => {
    const service = await startService()
    const other = await serviceOf(service.server)
    const key = { 'idempotency-key': 'k' }
    const one = await service.call('POST', '/v1/sessions', BODY, key)
    const changed = await service.call('POST', '/v1/sessions', { ...BODY, userId: 'eve' }, key)
    expect([changed.status, changed.body.code]).toEqual([422, 'idempotency-key-reused'])
    const theirs = await other.call('POST', '/v1/sessions', { ...BODY, userId: 'eve' }, key)
    expect([theirs.status, theirs.body.session.userId]).toEqual([201, 'eve'])
    expect(theirs.body.token).not.toBe(one.body.token)
    const refused = { 'idempotency-key': 'refused' }
    const attempt = Buffer.from(JSON.stringify(['ada', 'old'])).toString('base64url')
    const stale = await service.call('POST', '/v1/sessions', { ...BODY, attempt }, refused)
    expect(stale.body.reason).toBe('login-stale')
    expect((await service.call('POST', '/v1/sessions', BODY, refused)).status).toBe(201)
  })

  it('gives the answer of before after the session has ended: its token is dead all the same (P1)', async () => {
    const { call, authority } = await startService()
    const key = { 'idempotency-key': 'k' }
    const { body } = await call('POST', '/v1/sessions', BODY, key)
    await authority.sessions.revoke(body.session.id)
    const again = await call('POST', '/v1/sessions', BODY, key)
    expect(again.body).toEqual(body)
    expect((await call('POST', '/v1/sessions/validate', { token: again.body.token })).body.valid).toBe(false)
    expect((await authority.sessions.list('ada')).sessions).toEqual([])
  })

  it('makes another one a day later', async () => {
    const environment = new FakeEnvironment()
    const service = await serviceOf(await startTestServer({}, { environment }))
    const key = { 'idempotency-key': 'k' }
    const { body } = await service.call('POST', '/v1/sessions', BODY, key)
    environment.advance(24 * 3_600_000 + 60_000)
    const next = await service.call('POST', '/v1/sessions', BODY, key)
    expect([next.status, next.body.session.id === body.session.id]).toEqual([201, false])
  })

  it('P6 keeps nothing from which a token could be had without the API key', async () => {
    const { call, authority, key: apiKey } = await startService()
    const { body } = await call('POST', '/v1/sessions', BODY, { 'idempotency-key': 'k' })
    await authority.audit.flush()
    const { dataDirectory } = authority.settings
    const rows = JSON.stringify(await authority.database.all('SELECT * FROM coatcheck_idempotency'))
    expect(rows).toContain('"answer":"')
    const files = readdirSync(dataDirectory).filter((name) => /\.db/.test(name))
    for (const secret of [body.token, apiKey]) {
      for (const file of files) expect(readFileSync(join(dataDirectory, file)).includes(secret)).toBe(false)
      expect(rows).not.toContain(secret)
    }
  })
})

describe('calls that are made once', () => {
  it('go on where a process died over one, once it must have ended', async () => {
    const environment = new FakeEnvironment()
    const authority = await testAuthority({}, { environment })
    const calls = new Idempotency(authority)
    const call = { key: 'k', caller: 'c', secret: 's', request: '{}' }
    const never = calls.once(call, () => new Promise(() => {}))
    never.catch(() => {})
    await expect.poll(() => authority.database.all('SELECT id FROM coatcheck_idempotency')).toHaveLength(1)
    await expect(calls.once(call, answer)).rejects.toMatchObject({ problem: { status: 409 } })
    environment.advance(31_000)
    expect(await calls.once(call, answer)).toEqual({ answer: 1, replayed: false })
    expect(await calls.once(call, answer)).toEqual({ answer: 1, replayed: true })
    await authority.database.run('UPDATE coatcheck_idempotency SET answer = $1', 'AAAA')
    await expect(calls.once(call, answer)).rejects.toMatchObject({ problem: { status: 422 } })

    async function answer() {
      return { answer: 1, keep: true }
    }
  })

  it('are forgotten where they fail', async () => {
    const authority = await testAuthority()
    const calls = new Idempotency(authority)
    const call = { key: 'k', caller: 'c', secret: 's', request: '{}' }
    const failing = calls.once(call, async () => {
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    const made = await calls.once(call, async () => ({ answer: 2, keep: true }))
    expect(made).toEqual({ answer: 2, replayed: false })
  })
})
