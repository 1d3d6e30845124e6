import { describe, expect, it } from 'vitest'
import { startTestServer, temporaryDirectory, type Written } from '../helpers/test-server.ts'
import { cookieOf, logIn, type Service, serviceOf, visit } from './client.ts'
import { followChanges } from './followed-changes.ts'

/** The session API of two servers over one engine, as services behind a balancer meet it. */
export function twoNodesCases(engine: string, settings: () => Promise<Written>): void {
  describe(`the session API of two servers over ${engine}`, () => {
    it('LIO-01 P7 signs in here, is known and written there, and signed out for both', async () => {
      const [one, two] = await nodes()
      const { cookie, session } = await logIn(one, 'ada', { data: { n: 0 } })
      expect((await known(two, cookie)).session).toEqual(session)
      const add = { operations: [{ op: 'add', field: 'n', amount: 1 }] }
      const path = `/v1/sessions/${session.id}/data`
      const nodesInTurn = Array.from({ length: 10 }, (_, at) => (at % 2 ? one : two))
      await Promise.all(nodesInTurn.map(({ call }) => call('PATCH', path, add)))
      for (const node of [one, two]) {
        await expect.poll(async () => (await known(node, cookie)).data).toEqual({ n: 10 })
      }
      const stepped = await two.call('POST', '/v1/sessions/reauthenticate', {
        exchange: visit({ cookie }, { method: 'POST' }),
        level: 'aal2',
      })
      const successor = cookieOf(stepped.body.setCookie)
      expect((await known(one, successor)).data).toEqual({ n: 10 })
      expect((await known(two, successor)).valid).toBe(true)
      await one.call('POST', '/v1/sessions/logout', {
        exchange: visit({ cookie: successor }, { method: 'POST' }),
      })
      const strong = { consistency: 'strong', exchange: visit({ cookie: successor }) }
      expect((await two.call('POST', '/v1/sessions/validate', strong)).body.reason).toBe('no-session')
      for (const node of [one, two]) {
        await expect.poll(async () => (await known(node, successor)).valid, { timeout: 2_000 }).toBe(false)
        expect((await known(node, cookie)).valid).toBe(false)
      }
    })

    it('makes one session of many calls under one key at both', async () => {
      const [one, two] = await nodes()
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, at) =>
          (at % 2 ? one : two).call(
            'POST',
            '/v1/sessions',
            { userId: 'ada', transport: 'bearer' },
            { 'idempotency-key': 'k', 'x-api-key': one.key },
          ),
        ),
      )
      const made = answers.filter(({ status }) => status === 201).map(({ body }) => body.token)
      expect(new Set(made).size).toBe(1)
      expect((await two.call('GET', '/v1/users/ada/sessions')).body.sessions).toHaveLength(1)
    })

    it('P7 tells at one what changes at the other, before a probe that came after it', async () => {
      const [one, two] = await nodes()
      const { session } = await logIn(two)
      const changes = await followChanges(one)
      const { stream } = await changes.next('open')
      await two.call('DELETE', `/v1/sessions/${session.id}`)
      await two.call('DELETE', '/v1/users/eve/sessions')
      await one.call('POST', `/v1/changes/${stream}/probe`, { probe: 'p' })
      await changes.next('probe')
      const told = changes.seen.filter(({ event }) => event === 'changed').map(({ data }) => data)
      expect(told.flatMap(({ sessions }) => sessions)).toContain(session.id)
      expect(told.flatMap(({ users }) => users)).toContain('eve')
      await two.call('DELETE', '/v1/sessions?everyone=true')
      await changes.next('reset')
    })

    it('P7 brings back a probe that was sent to the other, behind what changed there', async () => {
      const [one, two] = await nodes()
      const same = { 'x-api-key': one.key }
      const { session } = await logIn(two)
      const [changes, others] = [await followChanges(one), await followChanges(two)]
      const { stream } = await changes.next('open')
      await others.next('open')
      await two.call('DELETE', `/v1/sessions/${session.id}`)
      const send = async (by: Service, name: string, probe: string, headers = {}) =>
        (await by.call('POST', `/v1/changes/${name}/probe`, { probe }, headers)).status
      expect(await send(two, stream, 'theirs')).toBe(404)
      expect(await send(two, stream, 'mine', same)).toBe(202)
      expect(await changes.next('probe')).toEqual({ probe: 'mine' })
      const told = changes.seen
        .filter(({ event }) => event === 'changed')
        .flatMap(({ data }) => data.sessions)
      expect(told).toContain(session.id)
      // A new name, as the one before has ended with everything else.
      await two.call('DELETE', '/v1/sessions?everyone=true')
      await changes.next('reset')
      await expect.poll(() => changes.seen.at(-1)?.event).toBe('open')
      const { stream: renamed } = await changes.next('open')
      expect([renamed === stream, await send(two, stream, 'late', same)]).toEqual([false, 404])
      expect(await send(two, renamed, 'after', same)).toBe(202)
      await expect.poll(() => changes.seen.at(-1)?.data).toEqual({ probe: 'after' })
      // What carries them is no session, for nobody.
      const all = [...changes.seen, ...others.seen].flatMap(({ data }) => data.sessions ?? [])
      expect(all.filter((id) => id.startsWith('changes_'))).toEqual([])
      expect((await one.authority.sessions.listAll()).sessions).toEqual([])
    })
  })

  async function nodes(): Promise<[Service, Service]> {
    const written = { dataDirectory: temporaryDirectory(), ...(await settings()) }
    const [one, two] = [await startTestServer(written), await startTestServer(written)]
    return [await serviceOf(one), await serviceOf(two)]
  }

  async function known({ call }: Service, cookie: string) {
    const { body } = await call('POST', '/v1/sessions/validate', { exchange: visit({ cookie }) })
    return body
  }
}
