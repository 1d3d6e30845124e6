import { signedIn } from 'coatcheck/testing'
import { describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../helpers/test-server.ts'

describe('metrics and health', () => {
  it('AUD-08 are on the admin listener, and not on the public one', async () => {
    const server = await startTestServer()
    for (const path of ['/metrics', '/healthz', '/readyz']) {
      expect((await fetch(`${server.publicAddress}${path}`)).status).toBe(404)
      const { status, headers } = await admin(server, path)
      expect([path, status, headers.get('cache-control')]).toEqual([path, 200, 'no-store'])
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    }
  })

  it('counts requests by pattern, never by what visitors write into a URL', async () => {
    const server = await startTestServer()
    await fetch(`${server.publicAddress}/secret-path?code=secret-code`)
    await fetch(`${server.publicAddress}/forward-auth`, { headers: { host: 'x' } })
    await admin(server, '/healthz')
    const text = await metricsOf(server)
    expect(text).toContain(
      'coatcheck_http_requests_total{listener="public",method="GET",route="unmatched",status="404"} 1',
    )
    expect(text).toMatch(
      /coatcheck_http_requests_total\{listener="public",method="GET",route="\/forward-auth"/,
    )
    expect(text).toContain('route="/healthz",status="200"} 1')
    expect(text).not.toContain('secret')
  })

  it('AUD-08 tells kinds of session apart, and neither users nor versions', async () => {
    const server = await startTestServer()
    const { sessions, apiKeys } = server.authority
    for (let user = 0; user < 3; user++) {
      await signedIn(sessions, `user-number-${user}`)
    }
    await apiKeys.create({ owner: 'owner-of-a-key', name: 'reports' })
    const text = await metricsOf(server)
    expect(text).toContain('coatcheck_events_total{of="sessions",name="logged-in"} 3')
    expect(text).toContain('coatcheck_events_total{of="api-keys",name="created"} 1')
    expect(text).toContain('coatcheck_audit_dropped 0')
    expect(text).toContain('process_cpu_seconds_total')
    expect(text).not.toMatch(/user-number|owner-of|version_info|v\d+\.\d+\.\d+/)
  })

  it('says every metric once, with its type before its samples', async () => {
    const text = await metricsOf(await startTestServer())
    const types = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
    expect(new Set(types).size).toBe(types.length)
    expect(text.endsWith('\n')).toBe(true)
    for (const line of text.split('\n').filter((one) => one !== '' && !one.startsWith('#'))) {
      expect(line).toMatch(/^[a-z_][\w]*(\{[^{}]*\})? [-\d.e+]+$|Nan$/i)
    }
  })

  it('is no longer ready when the server is about to stop, and still healthy', async () => {
    const server = await startTestServer()
    server.authority.beginStop()
    const ready = await admin(server, '/readyz')
    expect([ready.status, await ready.json()]).toMatchObject([503, { checks: { listeners: 'failed' } }])
    expect((await admin(server, '/healthz')).status).toBe(200)
  })
})

async function metricsOf(server: TestServer): Promise<string> {
  return (await admin(server, '/metrics')).text()
}

function admin({ adminAddress }: TestServer, path: string): Promise<Response> {
  return fetch(`${adminAddress}${path}`)
}
