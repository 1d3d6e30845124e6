import { describe, expect, it } from 'vitest'
import { NodeClock } from '../../src/store-testing/explorer/node-clock.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { HeldFeed } from '../helpers/held-feed.ts'
import {
  createNodes,
  login,
  MINUTE,
  type NodeOptions,
  SECOND,
  sessionOf,
  validate,
} from '../helpers/nodes.ts'

describe('P7 where the clocks of a node go wrong, an end elsewhere is seen within maxStaleness', () => {
  it.each<[string, (clock: NodeClock) => unknown]>([
    ['the wall clock is set forward', (clock) => clock.step(MINUTE)],
    ['the wall clock is set back', (clock) => clock.step(-MINUTE)],
    ['the steady clock stands still', (clock) => clock.standStill()],
    [
      'the steady clock stands still, and the wall clock is set back meanwhile',
      (clock) => [clock.standStill(), clock.step(-500)],
    ],
  ])('%s', async (_what, goWrong) => {
    const { here, there, clock, feed, environment, token, session } = await twoNodes()
    await sessionOf(there, token)
    feed.hold('everything')
    goWrong(clock)
    await here.manager.logout(session)
    environment.advance(500)
    await validate(there, token)
    environment.advance(1_000)
    expect(await validate(there, token)).toMatchObject({ ok: false, reason: 'ended' })
  })

  it('the steady clock stands still for as long as nobody asks, as in a machine that sleeps', async () => {
    const { here, there, clock, feed, environment, token, session } = await twoNodes()
    await sessionOf(there, token)
    feed.hold('everything')
    clock.standStill()
    await here.manager.logout(session)
    environment.advance(MINUTE)
    clock.goOn()
    expect(await validate(there, token)).toMatchObject({ ok: false, reason: 'ended' })
  })
})

describe('P8 a deadline of a session that is kept', () => {
  it('is late by less than maxStaleness, however often the steady clock stands still for a moment', async () => {
    const { there, clock, environment, token } = await twoNodes({
      idleTimeout: '10m',
      absoluteTimeout: '10m',
    })
    await sessionOf(there, token)
    while (environment.monotonic() < 10 * MINUTE) {
      clock.standStill()
      await environment.advanceAndSettle(900)
      clock.goOn()
      await environment.advanceAndSettle(300)
      await validate(there, token)
    }
    environment.advance(Math.max(0, 10 * MINUTE + SECOND - environment.monotonic()))
    expect(await validate(there, token)).toMatchObject({ ok: false, reason: 'expired' })
  })

  it('P1 is counted from recorded activity: a use whose record came too late does not put it off', async () => {
    const environment = new FakeEnvironment()
    const [here, there] = createNodes({
      nearCache: true,
      environment,
      idleTimeout: '10m',
      touchInterval: '1m',
    })
    const { token } = await login(here, 'ada')
    await environment.advanceAndSettle(11 * MINUTE - 1)
    await sessionOf(there, token, { touch: false })
    const held = Promise.withResolvers<void>()
    const touch = there.store.touch.bind(there.store)
    there.store.touch = async (batch) => {
      await held.promise
      await touch(batch)
    }
    expect((await sessionOf(there, token)).isFromCache).toBe(true)
    environment.advance(1)
    expect(await validate(here, token)).toMatchObject({ ok: false, reason: 'expired' })
    held.resolve()
    await environment.settle()
    expect(await validate(there, token)).toMatchObject({ ok: false, reason: 'expired' })
  })
})

/** `here` has an end told to nobody but itself once the feed is held; `there` has a clock that may go wrong. */
async function twoNodes(options: NodeOptions = {}) {
  const environment = new FakeEnvironment()
  const clock = new OwnClock(environment)
  const feed = new HeldFeed()
  const { store } = feed
  const [here, there] = createNodes(
    { nearCache: true, ...options, environment, store },
    { environment: clock as unknown as FakeEnvironment },
  )
  const { token, session } = await login(here, 'ada')
  return { here, there, clock, feed, environment, token, session }
}

/** Clocks of a node that others' time goes by without. */
class OwnClock extends NodeClock {
  settleWith(): () => void {
    return () => {}
  }
}
