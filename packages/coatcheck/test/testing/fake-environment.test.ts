import { describe, expect, it } from 'vitest'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

describe('FakeEnvironment', () => {
  it('moves both clocks on only when told to', () => {
    const environment = new FakeEnvironment({ now: 1_000 })
    expect([environment.now(), environment.monotonic()]).toEqual([1_000, 0])
    environment.advance(250)
    expect([environment.now(), environment.monotonic()]).toEqual([1_250, 250])
  })

  it('steps the wall clock alone, in either direction', () => {
    const environment = new FakeEnvironment({ now: 10_000 })
    environment.stepWallClock(-4_000)
    expect([environment.now(), environment.monotonic()]).toEqual([6_000, 0])
    environment.advance(1_000)
    environment.stepWallClock(9_000)
    expect([environment.now(), environment.monotonic()]).toEqual([16_000, 1_000])
  })

  it('runs due timers in order of their time, each at its own, and those that they set meanwhile', () => {
    const environment = new FakeEnvironment({ now: 0 })
    const log: [string, number][] = []
    const note = (name: string) => () => log.push([name, environment.now()])
    environment.setTimer(30, note('third'))
    environment.setTimer(10, () => {
      note('first')()
      environment.setTimer(10, note('second'))
    })
    environment.setTimer(50, note('never'))
    environment.advance(40)
    expect(log).toEqual([
      ['first', 10],
      ['second', 20],
      ['third', 30],
    ])
  })

  it('forgets a timer that was cancelled', () => {
    const environment = new FakeEnvironment()
    const ran: string[] = []
    const cancel = environment.setTimer(10, () => ran.push('cancelled'))
    environment.setTimer(10, () => ran.push('kept'))
    cancel()
    environment.advance(10)
    expect(ran).toEqual(['kept'])
  })

  it('repeats its random bytes for a seed, and differs between seeds', () => {
    const bytes = (seed: number) => new FakeEnvironment({ seed }).randomBytes(32)
    expect(bytes(1)).toEqual(bytes(1))
    expect(bytes(1)).not.toEqual(bytes(2))
    const environment = new FakeEnvironment()
    expect(environment.randomBytes(16)).not.toEqual(environment.randomBytes(16))
  })
})

describe('advance and advanceAndSettle', () => {
  /** A task of three asynchronous steps that repeats ten milliseconds after its end, as the sweep does. */
  function startTask(environment: FakeEnvironment): { readonly at: string; readonly end: number }[] {
    const runs: { at: string; end: number }[] = []
    const schedule = () => {
      environment.setTimer(10, () => {
        const at = `${environment.now()}`
        run()
          .then(() => runs.push({ at, end: environment.now() }))
          .then(schedule, schedule)
      })
    }
    const run = async () => {
      for (let step = 0; step < 3; step++) await Promise.resolve()
    }
    schedule()
    return runs
  }

  it('advance jumps past what a timer has started', async () => {
    const environment = new FakeEnvironment({ now: 0 })
    const runs = startTask(environment)
    environment.advance(35)
    await environment.settle()
    expect(runs).toEqual([{ at: '10', end: 35 }])
  })

  it('advanceAndSettle lets each timer finish its work in no time', async () => {
    const environment = new FakeEnvironment({ now: 0 })
    const runs = startTask(environment)
    await environment.advanceAndSettle(35)
    expect(runs).toEqual([
      { at: '10', end: 10 },
      { at: '20', end: 20 },
      { at: '30', end: 30 },
    ])
    expect(environment.now()).toBe(35)
  })

  it('settle waits for work that it was given, until that is taken back', async () => {
    const environment = new FakeEnvironment()
    const answers: string[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    const takeBack = environment.settleWith(() => promise.then(() => answers.push('database')))
    const settled = environment.settle().then(() => answers.push('settled'))
    resolve()
    await settled
    expect(answers.at(0)).toBe('database')
    expect(answers.at(-1)).toBe('settled')
    takeBack()
    answers.length = 0
    await environment.settle()
    expect(answers).toEqual([])
  })
})
