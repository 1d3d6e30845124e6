import { describe, expect, it } from 'vitest'
import { check, NAVIGATION, start } from '../helpers/sub-requests.ts'

describe('forward-auth', () => {
  it('tells who a request is from, whatever the method of the sub-request, and sets no cookie', async () => {
    const server = await start()
    const { cookie } = server
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const { status, headers, body } = await check(server, { method, headers: { cookie } })
      expect([method, status, body]).toEqual([method, 204, ''])
      expect(headers).toMatchObject({ 'x-auth-user': 'ada', 'cache-control': 'no-store' })
      expect(headers['set-cookie']).toBeUndefined()
    }
    const { sessions } = await server.authority.sessions.list('ada')
    expect((await check(server, { headers: { cookie } })).headers['x-auth-session']).toBe(sessions[0]?.id)
  })

  it('AUD-05 answers 401 to visitors, to made-up and to ended tokens alike', async () => {
    const server = await start()
    const { cookie } = server
    const made = `${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'B' : 'A'}`
    await server.authority.sessions.revokeUser('ada')
    const answers = [{}, { cookie: made }, { cookie }].map((headers) => check(server, { headers }))
    const [first, ...others] = (await Promise.all(answers)).map(({ status, headers, body }) => {
      const { date: _, ...rest } = headers
      return { status, rest, body }
    })
    expect(first).toMatchObject({
      status: 401,
      rest: { 'x-auth-error': 'unauthenticated', 'www-authenticate': 'Bearer' },
    })
    for (const other of others) expect(other).toEqual(first)
  })

  it('LIO-01 knows a logout on the next request', async () => {
    const server = await start()
    const headers = { cookie: server.cookie }
    for (let i = 0; i < 3; i++) expect((await check(server, { headers })).status).toBe(204)
    await server.authority.sessions.revokeUser('ada')
    expect((await check(server, { headers })).status).toBe(401)
  })

  it('counts as activity, and never rotates', async () => {
    const server = await start({ idleTimeout: '30m' })
    const headers = { cookie: server.cookie }
    for (let minute = 0; minute < 120; minute += 20) {
      server.environment.advance(20 * 60_000)
      const answer = await check(server, { headers })
      expect(answer.status).toBe(204)
      expect(answer.headers['set-cookie']).toBeUndefined()
    }
  })

  it('takes no cookie’s token from Authorization', async () => {
    const server = await start()
    const [, token = ''] = server.cookie.split('=')
    expect((await check(server, { headers: { authorization: `Bearer ${token}` } })).status).toBe(401)
  })

  it('P10 says 403 and why while the store is down, or 503 where the proxy can pass that on', async () => {
    const server = await start()
    const headers = { cookie: server.cookie, ...NAVIGATION }
    await server.authority.sessions.close()
    expect(await check(server, { headers })).toMatchObject({
      status: 403,
      headers: { 'x-auth-error': 'unavailable' },
    })
    const declared = await check(server, { query: '?outage=503', headers })
    expect(declared).toMatchObject({ status: 503, headers: { 'retry-after': '5' } })
  })
})
