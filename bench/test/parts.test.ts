import { describe, expect, it } from 'vitest'
import { FRAMEWORKS } from '../modes/mode.ts'
import { combined, parseParts, runOf, without } from '../parts.ts'
import { renderReport } from '../report/report.ts'
import type { Part, Results } from '../results.ts'
import { MACHINE, overhead, results, withServers } from './sample-results.ts'

describe('the parts to measure', () => {
  it('are all of them unless some are named', () => {
    expect(parseParts(undefined)).toEqual([
      'node:http',
      'Express',
      'Fastify',
      'Koa',
      'Hono',
      'stores',
      'writes',
      'network',
      'redis',
      'postgres',
      'sizes',
      'cache',
      'jwt',
      'tokens',
      'server',
      'oauth',
    ])
  })

  it('are named in any case and order, one by one or all frameworks with a package of their own', () => {
    expect(parseParts('writes, koa')).toEqual(['Koa', 'writes'])
    expect(parseParts('frameworks,Koa')).toEqual(['Express', 'Fastify', 'Koa', 'Hono'])
    expect(parseParts('Engines')).toEqual(['network', 'redis', 'postgres', 'sizes'])
  })

  it.each(['', 'koa,', 'rails', 'constructor'])('are refused where one is unknown: "%s"', (only) => {
    expect(() => parseParts(only)).toThrow('--only does not know')
  })
})

describe('measuring a part again', () => {
  it('keeps the other parts with the commit and date that they had', () => {
    const merged = mergedWith('Express')
    expect(runOf(merged, 'node:http')?.machine.commit).toBe('abc')
    expect(runOf(merged, 'stores')?.machine.commit).toBe('abc')
    expect(runOf(merged, 'Express')?.machine.commit).toBe('new')
    expect(merged.runs.map(({ parts }) => parts)).toEqual([['node:http', 'stores', 'writes'], ['Express']])
  })

  it('replaces all cases of that framework and no other', () => {
    const merged = mergedWith('Express')
    const names = merged.overhead.filter(({ framework }) => framework === 'Express').map(({ name }) => name)
    expect(names).toEqual(['Express, new'])
    expect(merged.overhead.filter(({ framework }) => framework === 'node:http')).toEqual(
      results().overhead.filter(({ framework }) => framework === 'node:http'),
    )
  })

  it('replaces what belongs to the stores, and durable writes, each by itself', () => {
    const stores = combined(without(results(), ['stores'], results().settings), fresh('stores'))
    expect(stores).toMatchObject({ room: [], endUser: [], sweep: [], endEveryone: [] })
    expect(stores.idle).toBeUndefined()
    expect(stores.durableWrites).toEqual(results().durableWrites)
    const writes = without(results(), ['writes'], results().settings)
    expect(writes).toMatchObject({ durableWrites: null, room: results().room, idle: results().idle })
  })

  it('replaces a store on a server and keeps the others, in the order of a full run', () => {
    const times = [{ took: 1, stall: 0 }]
    const one = (store: string, sessions: number) => ({ store, sessions, times })
    const old: Results = {
      ...results(),
      endEveryone: [one('memory', 1), one('Redis', 1), one('PostgreSQL', 1)],
    }
    const again: Results = { ...fresh('redis'), endEveryone: [one('Redis', 2)] }
    const merged = combined(without(old, ['redis'], old.settings), again)
    expect(merged.endEveryone).toEqual([one('memory', 1), one('Redis', 2), one('PostgreSQL', 1)])
    expect(merged.idle).toEqual(old.idle)
  })

  it('replaces requests and sizes of stores on servers, each by itself', () => {
    const old = withServers()
    const network = combined(without(old, ['network'], old.settings), fresh('network'))
    expect(network).toMatchObject({ network: [], onTop: old.onTop })
    const sizes = combined(without(old, ['sizes'], old.settings), fresh('sizes'))
    expect(sizes).toMatchObject({ network: old.network, onTop: [] })
  })

  it('forgets a run of which nothing is left', () => {
    const all = without(results(), parseParts(undefined), results().settings)
    expect(all).toMatchObject({ runs: [], overhead: [], room: [], durableWrites: null })
  })

  it('is refused where the others were measured with other settings', () => {
    const others = { ...results().settings, rounds: 2 }
    expect(() => without(results(), ['Koa'], others)).toThrow('other settings')
    expect(without(results(), parseParts(undefined), others).settings).toEqual(others)
  })

  it('is told in the report, section by section and in the table of machines', () => {
    const text = renderReport(mergedWith('Koa'))
    expect(text).toContain('generated from 2 runs; each section says when and of what its was')
    expect(text).toMatch(/### On Koa 3\n\n.* Measured on 2026-02-02 at commit new\.\n/)
    expect(text).toMatch(/### On Express 5\n\n.* Measured on 2026-01-01 at commit abc\.\n/)
    expect(text).toContain(
      '| measured | node:http, Express, stores and writes | Koa |\n| commit | abc | new |',
    )
  })

  it('makes a report of what there is, where the rest was never measured', () => {
    const text = renderReport(fresh('Koa'))
    expect(text).toContain('### On Koa 3')
    expect(text).not.toMatch(/## (Room|Durable writes|Ending and sweeping|Targets)/)
    expect(text).not.toContain('undefined')
  })
})

function mergedWith(part: Part): Results {
  const { settings } = results()
  return combined(without(results(), [part], settings), fresh(part))
}

/** A later run, of one part: a bare server where it is a framework, else nothing. */
function fresh(part: Part): Results {
  const framework = FRAMEWORKS.find((one) => one === part)
  const cases = framework ? [overhead(`${part}, new`, { kind: 'bare', framework }, [10, 10])] : []
  return {
    runs: [{ parts: [part], machine: { ...MACHINE, commit: 'new', date: '2026-02-02' } }],
    settings: results().settings,
    overhead: cases,
    room: [],
    endUser: [],
    endEveryone: [],
    sweep: [],
    durableWrites: null,
  }
}
