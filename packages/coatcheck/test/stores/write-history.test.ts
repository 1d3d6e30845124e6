import { describe, expect, it } from 'vitest'
import { type Entry, faultsIn, type Remains } from './write-history.ts'

const LIVE: Remains = { status: 'live', list: ['a'], replacedBy: null }
const ENDED: Remains = { status: 'ended', list: [], replacedBy: null }

describe('a history of calls', () => {
  it('that some order explains has no fault', () => {
    const history = [
      entry('create', 's', 'ok'),
      entry('append', 's', 'ok', 'a'),
      entry('append', 's', 'unknown', 'b'),
      entry('replace', 's', 'ok', 't'),
      entry('append', 's', 'gone', 'c'),
    ]
    expect(faultsIn(history, remains({ s: { ...ENDED, replacedBy: 't' }, t: LIVE }))).toEqual([])
  })

  it('tells of an acknowledged write that is lost, one applied twice, and one applied after all', () => {
    const history = [
      entry('append', 's', 'ok', 'a'),
      entry('append', 's', 'ok', 'b'),
      entry('append', 's', 'failed', 'c'),
    ]
    expect(faultsIn(history, remains({ s: { ...LIVE, list: ['b', 'b', 'c'] } }))).toEqual([
      'a was acknowledged and is lost.',
      'b was applied 2 times.',
      'c surely was not applied, and is there.',
    ])
  })

  it.each([
    ['end', 'ended'],
    ['end', 'already'],
    ['find', 'ended'],
    ['append', 'gone'],
    ['replace', 'ok'],
  ] as const)('tells of a session that came back after %s answered %s', (kind, outcome) => {
    const history = [entry(kind, 's', outcome), entry('find', 's', 'live')]
    expect(faultsIn(history, remains({}))).toEqual(['s came back in a find.'])
    expect(faultsIn(history.toReversed(), remains({}))).toEqual(['s came back in a find.'])
  })

  it('does not mind a look that began before the end was acknowledged', () => {
    const [end, look] = [entry('end', 's', 'ended'), entry('find', 's', 'live')]
    expect(faultsIn([{ ...end, to: look.to }, look], remains({}))).toEqual([])
  })

  it('tells of a session that nobody ended and that is gone', () => {
    const history = [entry('create', 's', 'ok')]
    expect(faultsIn(history, remains({ s: ENDED }))).toEqual(['s was signed out by nobody.'])
    expect(faultsIn([...history, entry('end', 's', 'unknown')], remains({ s: ENDED }))).toEqual([])
  })
})

let clock = 0

function entry(kind: Entry['kind'], id: string, outcome: string, value?: string): Entry {
  const instant = () => String(clock++).padStart(6, '0')
  return { kind, id, outcome, from: instant(), to: instant(), ...(value !== undefined && { value }) }
}

function remains(all: Readonly<Record<string, Remains>>): ReadonlyMap<string, Remains> {
  return new Map(Object.entries(all))
}
