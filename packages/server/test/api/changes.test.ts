import { FakeEnvironment } from 'coatcheck/testing'
import { describe, expect, it } from 'vitest'
import { ChangeStream } from '../../src/api/change-stream.ts'
import { startTestServer, testAuthority } from '../helpers/test-server.ts'
import { logIn, serviceOf, startService } from './client.ts'
import { followChanges, openChanges } from './followed-changes.ts'

describe('the stream of changes', () => {
  it('P7 tells of writes and ends, and brings a probe back behind what was changed before it', async () => {
    const service = await startService()
    const changes = await followChanges(service)
    const { stream, maxStaleness } = await changes.next('open')
    expect(maxStaleness).toBe(1_000)
    const { session } = await logIn(service)
    await service.authority.sessions.revokeUser('ada')
    const sent = await service.call('POST', `/v1/changes/${stream}/probe`, { probe: 'p1' })
    expect(sent.status).toBe(202)
    await changes.next('probe')
    const told = changes.seen
    const named = told.filter(({ event }) => event === 'changed').map(({ data }) => data)
    expect(named.flatMap(({ users }) => users)).toContain('ada')
    expect(told.at(-1)).toEqual({ event: 'probe', data: { probe: 'p1' } })
    await service.authority.sessions.revokeEveryone()
    await changes.next('reset')
    expect(session.id).toHaveLength(22)
  })

  it('P7 tells of what another process changes, in the order of probes', async () => {
    const service = await startService()
    const { dataDirectory } = service.authority.settings
    const other = await testAuthority({ dataDirectory, ...{ port: '0', adminPort: 'off' } })
    const { session } = await logIn(service)
    const changes = await followChanges(service)
    const { stream } = await changes.next('open')
    await other.sessions.revoke(session.id)
    await service.call('POST', `/v1/changes/${stream}/probe`, { probe: 'p' })
    await changes.next('probe')
    const named = changes.seen.filter(({ event }) => event === 'changed').flatMap(({ data }) => data.sessions)
    expect(named).toContain(session.id)
  })

  it('ends with its key, and with the server', async () => {
    const service = await startService()
    const other = await serviceOf(service.server)
    const [mine, theirs] = [await followChanges(service), await followChanges(other)]
    await mine.next('open')
    await theirs.next('open')
    await service.authority.apiKeys.revoke(service.keyId)
    await mine.end()
    expect(theirs.ended).toBe(false)
    await service.server.stop()
    await theirs.end()
  })

  it('P9 ends with a key that another process has revoked', async () => {
    const environment = new FakeEnvironment()
    const service = await serviceOf(await startTestServer({}, { environment }))
    const { dataDirectory } = service.authority.settings
    const changes = await followChanges(service)
    await changes.next('open')
    const other = await testAuthority({ dataDirectory, adminPort: 'off' }, { environment })
    await other.apiKeys.revoke(service.keyId)
    environment.advance(11_000)
    await changes.end()
  })

  it('is nobody else’s to send probes to, and there are not too many', async () => {
    const service = await startService()
    const other = await serviceOf(service.server)
    const changes = await followChanges(service)
    const { stream } = await changes.next('open')
    expect((await other.call('POST', `/v1/changes/${stream}/probe`, { probe: 'p' })).status).toBe(404)
    const more = await Promise.all(Array.from({ length: 16 }, () => openChanges(service)))
    expect(more.filter(({ status }) => status === 429)).toHaveLength(1)
    expect((await openChanges(other)).status).toBe(200)
  })
})

describe('one stream of changes', () => {
  it('tells of 100,000 changes at once that everything is to be dropped, in one event', async () => {
    const { stream, sent } = recorded()
    for (let n = 0; n < 100_000; n++) stream.changed(`session-${n}`)
    await Promise.resolve()
    expect(sent).toEqual([['reset', '{}']])
    stream.changed('one')
    stream.changed('one')
    stream.userChanged('\u0001refresh\u0001ada')
    stream.tell('probe', { probe: 'p' })
    expect(sent.slice(1)).toEqual([
      ['changed', '{"sessions":["one"],"users":[]}'],
      ['probe', '{"probe":"p"}'],
    ])
  })

  it('is broken off where its reader does not read', async () => {
    const service = await startService()
    const response = await openChanges(service)
    for (let n = 0; n < 400; n++) {
      for (let id = 0; id < 4_000; id++) service.authority.sessions.manager.listeners.changed(idOf(n, id))
      await new Promise((resolve) => setImmediate(resolve))
    }
    // Whatever of it the network holds is read; then it ends.
    expect((await response.text()).length).toBeLessThan(400 * 100_000)
    await expect.poll(async () => (await openChanges(service)).status).toBe(200)
  })
})

function recorded() {
  const sent: string[][] = []
  const events = {
    send: ({ event, data }: { event?: string; data: string }) => sent.push([event ?? '', data]) > 0,
  }
  return { stream: new ChangeStream(events as never, 'key'), sent }
}

function idOf(one: number, other: number) {
  return `${String(one).padStart(11, 'A')}${String(other).padStart(11, 'A')}` as never
}
