import { describe, expect, it } from 'vitest'
import type { Session } from '../../src/http/session.ts'
import {
  createTestSessions,
  signedIn,
  type TestAgent,
  type TestSessionsOptions,
} from '../../src/testing/index.ts'
import { serve } from '../helpers/browser.ts'
import { FakeExchange } from '../helpers/fake-exchange.ts'
import { HOUR, MINUTE, SECOND } from '../helpers/nodes.ts'

describe('LIO-09 a fresh proof', () => {
  it('is one that is not older than asked, to the millisecond, on the store’s clock', async () => {
    const { sessions, environment, as } = await create()
    const ada = await signedIn(sessions, 'ada')
    environment.advance(5 * MINUTE)
    expect((await as(ada, (session) => session.isFresh('5m'))).value).toBe(true)
    environment.stepWallClock(-HOUR)
    expect((await as(ada, (session) => session.isFresh('5m'))).value).toBe(true)
    environment.stepWallClock(HOUR)
    environment.advance(1)
    expect((await as(ada, (session) => session.isFresh('5m'))).value).toBe(false)
    expect((await as(ada, (session) => session.isFresh(5 * MINUTE + 1))).value).toBe(true)
  })

  it('may have to be of a level', async () => {
    const { sessions, as } = await create()
    const ada = await signedIn(sessions, 'ada', { level: 'aal1' })
    const { value } = await as(ada, (session) => [
      session.isFresh('5m', { level: 'aal1' }),
      session.isFresh('5m', { level: 'aal2' }),
    ])
    expect(value).toEqual([true, false])
  })

  it('is asked for by a step-up, not a plain refusal, and reported', async () => {
    const { sessions, environment, events, as } = await create()
    const ada = await signedIn(sessions, 'ada')
    expect((await as(ada, (session) => session.assertFresh('5m'))).status).toBe(200)
    environment.advance(6 * MINUTE)
    const { error } = await as(ada, (session) => session.assertFresh('5m'))
    expect(error).toMatchObject({ name: 'StepUpError', code: 'ERR_STEP_UP_REQUIRED', status: 401 })
    expect(error).toMatchObject({ stepUp: { maxAge: 5 * MINUTE, level: null } })
    expect(events.of('step-up-required')).toMatchObject([{ sessionId: ada.sessionId, userId: 'ada' }])
    const { error: level } = await as(ada, (session) => session.assertFresh('1h', { level: 'aal2' }))
    expect(level).toMatchObject({ stepUp: { maxAge: null, level: 'aal2' } })
  })

  it('is nothing that a visitor has', async () => {
    const { sessions } = await create()
    const { error, value } = await serve(sessions, new FakeExchange(), (session) => {
      expect(session.isFresh('30d')).toBe(false)
      session.assertFresh('30d')
    })
    expect(error).toMatchObject({ code: 'ERR_UNAUTHENTICATED', status: 401 })
    expect(value).toBeUndefined()
  })

  it('LIO-12 of a session that was made again with other rights counts from the next request on', async () => {
    const { sessions, as } = await create()
    const ada = await signedIn(sessions, 'ada', { level: 'aal1' })
    await as(ada, (session) => session.reauthenticate({ methods: ['otp'], level: 'aal2' }))
    expect((await as(ada, (session) => session.isFresh('5m', { level: 'aal2' }))).value).toBe(true)
  })
})

describe('EXP-07 the time that is left', () => {
  it('counts down both limits; asking is no activity in a session opened to peek', async () => {
    const { sessions, environment } = await create({ idleTimeout: '10m' })
    const ada = await signedIn(sessions, 'ada')
    const ask = () =>
      serve(sessions, new FakeExchange({ headers: ada.headers }), (session) => session.remaining, 'peek')
    environment.advance(4 * MINUTE)
    expect((await ask()).value).toEqual({ idle: 6 * MINUTE + 30 * SECOND, absolute: 12 * HOUR - 4 * MINUTE })
    environment.advance(6 * MINUTE)
    expect((await ask()).value?.idle).toBe(30 * SECOND)
    environment.advance(30 * SECOND)
    expect((await ask()).value).toBeNull()
  })
})

describe('a user’s own devices', () => {
  it('CON-02 are listed with the current one marked, newest first, and nobody else’s', async () => {
    const { sessions, environment, as } = await create()
    const phone = await signedIn(sessions, 'ada')
    environment.advance(SECOND)
    const laptop = await signedIn(sessions, 'ada')
    await signedIn(sessions, 'bob')
    const { value } = await as(phone, (session) => session.others())
    expect(value?.sessions.map(({ id, current }) => [id, current])).toEqual([
      [laptop.sessionId, false],
      [phone.sessionId, true],
    ])
    expect(value?.cursor).toBeNull()
    expect(JSON.stringify(value)).not.toMatch(/secret|hash|data/i)
    const { value: page } = await as(phone, (session) => session.others({ limit: 1 }))
    expect(page?.sessions).toHaveLength(1)
    expect(page?.cursor).not.toBeNull()
  })

  it('of a visitor are none', async () => {
    const { sessions } = await create()
    const { value } = await serve(sessions, new FakeExchange(), (session) => session.others())
    expect(value).toEqual({ sessions: [], cursor: null })
  })

  it('CON-05 can be ended one by one, by their user only, and not the current one by mistake', async () => {
    const { sessions, as } = await create()
    const [phone, laptop] = [await signedIn(sessions, 'ada'), await signedIn(sessions, 'ada')]
    const bob = await signedIn(sessions, 'bob')
    const { value } = await as(phone, async (session) => [
      await session.revokeOther(bob.sessionId),
      await session.revokeOther('nonsense'),
      await session.revokeOther(phone.sessionId),
      await session.revokeOther(laptop.sessionId),
      await session.revokeOther(laptop.sessionId),
    ])
    expect(value).toEqual([false, false, false, true, false])
    expect(await sessions.find(bob.sessionId)).not.toBeNull()
    expect((await as(laptop, (session) => session.userId)).value).toBeNull()
    expect((await as(phone, (session) => session.userId)).value).toBe('ada')
  })

  it('CON-03 are ended only with a proof that is not older than an hour, or as asked', async () => {
    const { sessions, environment, as } = await create({ lifetimes: { signedIn: { idle: '5h' } } })
    const [phone, laptop] = [await signedIn(sessions, 'ada'), await signedIn(sessions, 'ada')]
    environment.advance(HOUR + 1)
    for (const end of [
      (session: Session<object>): Promise<unknown> => session.revokeOther(laptop.sessionId),
      (session: Session<object>): Promise<unknown> => session.revokeOthers(),
      (session: Session<object>) => session.revokeOthers({ fresh: '30m' }),
    ]) {
      expect((await as(phone, end)).error).toMatchObject({ code: 'ERR_STEP_UP_REQUIRED' })
    }
    expect(await sessions.find(laptop.sessionId)).not.toBeNull()
    expect((await as(phone, (session) => session.revokeOther(laptop.sessionId, { fresh: '2h' }))).value).toBe(
      true,
    )
    const tablet = await signedIn(sessions, 'ada')
    expect(
      (await as(phone, (session) => session.revokeOther(tablet.sessionId, { fresh: false }))).value,
    ).toBe(true)
  })

  it('LIO-07 are all ended after a change of password, but the one that steps up', async () => {
    const { sessions, as } = await create()
    const others = await Promise.all(Array.from({ length: 4 }, () => signedIn(sessions, 'ada')))
    const ada = await signedIn(sessions, 'ada')
    const before = ada.token
    const { value } = await as(ada, async (session) => {
      await session.reauthenticate({ methods: ['pwd'] })
      return session.revokeOthers()
    })
    expect(value).toBe(4)
    expect(ada.token).not.toBe(before)
    expect((await as(ada, (session) => session.userId)).value).toBe('ada')
    for (const other of others) expect((await as(other, (session) => session.userId)).value).toBeNull()
  })

  it('are nothing that a visitor could end', async () => {
    const { sessions } = await create()
    for (const end of [
      (session: Session<object>): Promise<unknown> => session.revokeOthers(),
      (session: Session<object>) => session.revokeOther('x', { fresh: false }),
    ]) {
      expect((await serve(sessions, new FakeExchange(), end)).error).toMatchObject({
        code: 'ERR_UNAUTHENTICATED',
      })
    }
  })
})

describe('P7 a session that ends while its request runs', () => {
  it('is noticed by revalidate, which brings the data up to date otherwise', async () => {
    const { sessions, as } = await create()
    const ada = await signedIn(sessions, 'ada')
    const { value } = await as(ada, async (session) => {
      const before = await session.revalidate()
      await sessions.revokeUser('ada')
      return [before, await session.revalidate()]
    })
    expect(value).toEqual([true, false])
  })

  it('P2 revalidate keeps writes that are not committed yet', async () => {
    const { sessions, as } = await create()
    const ada = await signedIn(sessions, 'ada')
    await as(ada, async (session) => {
      ;(session as unknown as Session<{ a: number }>).set('a', 1)
      await session.revalidate()
    })
    const { value } = await as(ada, (session) => (session as unknown as Session<{ a: number }>).get('a'))
    expect(value).toBe(1)
  })

  it('fires its signal; a visitor’s never does', async () => {
    const { sessions, as } = await create()
    const ada = await signedIn(sessions, 'ada')
    const { value: signal } = await as(ada, async ({ signal }) => {
      expect(signal.aborted).toBe(false)
      await sessions.revokeUser('ada')
      return signal
    })
    expect(signal?.aborted).toBe(true)
    const { value: never } = await serve(sessions, new FakeExchange(), async ({ signal }) => {
      await sessions.revokeEveryone()
      return signal
    })
    expect(never?.aborted).toBe(false)
  })

  it('is watched while a response is under way, and no longer', async () => {
    const { sessions, as } = await create()
    const ada = await signedIn(sessions, 'ada')
    const { value: signal } = await as(ada, (session) => session.signal)
    await sessions.revokeUser('ada')
    expect(signal?.aborted).toBe(false)
  })

  it('CON-07 a new device is an event with all that a notice to its user needs', async () => {
    const { sessions, events } = await create()
    const headers = { 'user-agent': 'Mozilla/5.0 (Windows NT 10.0) Firefox/150.0' }
    await serve(sessions, new FakeExchange({ method: 'POST', headers }), (session) => session.login('ada'))
    expect(events.of('logged-in')).toMatchObject([
      {
        userId: 'ada',
        at: expect.any(Number),
        context: { label: 'Firefox on Windows', address: '203.0.113.0/24' },
      },
    ])
  })
})

async function create(options: Omit<TestSessionsOptions, 'data'> = {}) {
  const test = createTestSessions<object>(options)
  await test.sessions.open()
  /** One POST of this agent. */
  const as = async <T>(agent: TestAgent, handler: (session: Session<object>) => T | Promise<T>) => {
    const exchange = new FakeExchange({ method: 'POST', headers: agent.headers })
    const visited = await serve(test.sessions, exchange, handler)
    agent.receive({ headers: { 'set-cookie': [...visited.setCookies] } })
    return visited
  }
  return { ...test, as }
}
