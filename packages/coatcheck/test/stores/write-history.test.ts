import { describe, expect, it } from 'vitest'
import { type Entry, judge, MAX_STALENESS, type Remains } from './write-history.ts'

const LIVE: Remains = { status: 'live', list: ['a'], sum: 0, revision: 0, replacedBy: null }
const ENDED: Remains = { status: 'ended', list: [], sum: 0, revision: 0, replacedBy: null }

const NOTHING = { lost: [], revivals: [], signedOut: [], cutShort: 0, stale: [], behind: [], stalest: 0n }

describe('a history of calls', () => {
  it('that some order explains has no fault', () => {
    const history = [
      entry('create', 's', 'ok'),
      entry('append', 's', 'ok', 'a'),
      entry('append', 's', 'unknown', 'b'),
      entry('replace', 's', 'ok', 't'),
      entry('append', 's', 'gone', 'c'),
    ]
    expect(judged(history, { s: { ...ENDED, replacedBy: 't' }, t: LIVE })).toEqual(NOTHING)
  })

  it('tells of an acknowledged write that is lost, one applied twice, and one applied after all', () => {
    const history = [
      entry('append', 's', 'ok', 'a'),
      entry('append', 's', 'ok', 'b'),
      entry('append', 's', 'failed', 'c'),
    ]
    expect(judged(history, { s: { ...LIVE, list: ['b', 'b', 'c'] } }).lost).toEqual([
      'a was acknowledged and is lost.',
      'b was applied 2 times.',
      'c surely was not applied, and is there.',
    ])
  })

  it('tells of additions and rotations that are lost, or more than were asked for', () => {
    const history = (['add', 'rotate'] as const).flatMap((kind) => [
      entry(kind, 's', 'ok'),
      entry(kind, 's', 'ok'),
      entry(kind, 's', 'unknown'),
      entry(kind, 's', 'failed'),
    ])
    const lostOf = (sum: number, revision: number) => judged(history, { s: { ...LIVE, sum, revision } }).lost
    expect([...lostOf(2, 2), ...lostOf(3, 3)]).toEqual([])
    expect(lostOf(1, 4)).toEqual([
      'add s was applied 1 times, and acknowledged 2 times.',
      'rotate s was applied 4 times, and asked for 3 times.',
    ])
  })

  it('counts once what was said before a call and after it', () => {
    const added = entry('add', 's', 'ok')
    const history = [{ ...added, outcome: 'begun' }, added, entry('add', 's', 'begun')]
    expect(judged(history, { s: { ...LIVE, sum: 3 } }).lost).toEqual([
      'add s was applied 3 times, and asked for 2 times.',
    ])
  })

  it.each([
    ['end', 'ended', true],
    ['end', 'already', true],
    ['replace', 'ok', true],
    ['find', 'ended', false],
    ['append', 'gone', false],
  ] as const)('tells of a session that came back after %s answered %s', (kind, outcome, acknowledged) => {
    const history = [entry(kind, 's', outcome), entry('find', 's', 'live')]
    for (const said of [history, history.toReversed()]) {
      expect(judged(said, {}).revivals).toEqual([{ id: 's', acknowledged, lasted: 2n, forGood: false }])
    }
    expect(judged(history.slice(0, 1).concat(entry('create', 's', 'ok')), { s: LIVE }).revivals).toEqual([
      { id: 's', acknowledged, lasted: 0n, forGood: true },
    ])
  })

  it.each([
    ['endUser', 'ada'],
    ['endEveryone', ''],
  ] as const)('tells of a session that came back after %s, if it was there before', (kind, whom) => {
    const login = { ...entry('replace', 's', 'ok', 't'), user: 'ada' }
    const history = [login, entry(kind, whom, 'ok'), entry('find', 't', 'live')]
    expect(judged(history, {}).revivals).toMatchObject([{ id: 't', acknowledged: true }])
    const later = [entry(kind, whom, 'ok'), { ...entry('replace', 's', 'ok', 't'), user: 'ada' }]
    expect(judged([...later, entry('find', 't', 'live')], { t: LIVE }).revivals).toEqual([])
  })

  it('does not mind a look that began before the end was acknowledged', () => {
    const [end, look] = [entry('end', 's', 'ended'), entry('find', 's', 'live')]
    expect(judged([{ ...end, to: look.to }, look], {}).revivals).toEqual([])
  })

  it('tells of a session that nobody ended and that is gone', () => {
    const history = [entry('create', 's', 'ok')]
    expect(judged(history, { s: ENDED }).signedOut).toEqual(['s'])
    expect(judged([...history, entry('end', 's', 'unknown')], { s: ENDED }).signedOut).toEqual([])
    expect(judged([...history, entry('endEveryone', '', 'ok')], { s: ENDED }).signedOut).toEqual([])
    expect(
      judged([entry('endEveryone', '', 'ok'), entry('create', 's', 'ok')], { s: ENDED }).signedOut,
    ).toEqual(['s'])
  })

  it('tells of memories that outlive an end, or lack a write, for too long', () => {
    const history = [entry('create', 's', 'ok'), entry('append', 's', 'ok', 'a'), entry('end', 's', 'ended')]
    const remembered = (milliseconds: number, values: string) => {
      const from = String(BigInt(history.at(-1)?.to ?? '') + BigInt(milliseconds) * 1_000_000n)
      const look = { ...entry('remembered', 's', 'live', values), from: from.padStart(20, '0') }
      return judged([...history, look], { s: ENDED })
    }
    expect(remembered(MAX_STALENESS - 1, '1')).toMatchObject({ stale: [], stalest: 999_000_000n })
    expect(remembered(MAX_STALENESS, '1').stale).toEqual(['s was remembered 1000 ms after its end.'])
    expect(remembered(MAX_STALENESS - 1, '0').behind).toEqual([])
    expect(remembered(MAX_STALENESS + 1, '0').behind).toEqual(['s was remembered with 0 of 1 values.'])
  })

  it('counts a login that was cut short apart, where the store has several steps for it', () => {
    const history = [entry('create', 's', 'ok'), entry('replace', 's', 'begun', 't')]
    const remains = { s: { ...ENDED, replacedBy: 't' }, t: { ...ENDED, status: 'unknown' } } as const
    expect(judged(history, remains, 'saga')).toEqual({ ...NOTHING, cutShort: 1 })
    expect(judged(history, remains).signedOut).toEqual(['t'])
    expect(judged([...history, entry('find', 't', 'live')], remains, 'saga').signedOut).toEqual(['t'])
  })
})

let clock = 0

function entry(kind: Entry['kind'], id: string, outcome: string, value?: string): Entry {
  const instant = () => String(clock++).padStart(20, '0')
  return { kind, id, outcome, from: instant(), to: instant(), ...(value !== undefined && { value }) }
}

function judged(
  history: readonly Entry[],
  remains: Readonly<Record<string, Remains>>,
  replace: Parameters<typeof judge>[2] = 'transaction',
) {
  return judge(history, new Map(Object.entries(remains)), replace)
}
