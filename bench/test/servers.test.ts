import { describe, expect, it } from 'vitest'
import { FIELDS, LARGE_FIELDS } from '../fixture.ts'
import { drawCharts } from '../report/charts.ts'
import { findLosses } from '../report/losses.ts'
import { renderReport } from '../report/report.ts'
import { judgeTargets } from '../report/targets.ts'
import { results, withServers } from './sample-results.ts'

describe('the larger session', () => {
  it('has 548 bytes of JSON, and all fields of the smaller one', () => {
    expect(Buffer.byteLength(JSON.stringify(LARGE_FIELDS))).toBe(548)
    expect(Object.keys(LARGE_FIELDS)).toEqual(expect.arrayContaining(Object.keys(FIELDS)))
  })
})

describe('stores on servers, in the report', () => {
  it('have their overhead over the bare server, round trips, and the ratio to connect-redis on its framework', () => {
    const text = renderReport(withServers())
    expect(text).toContain(
      '| **coatcheck, Redis (redis), 10,000 sessions, Express** | 30.0 (30.0 to 30.0) | 0.33x | 60.0 | 10,000 | 1.0 | 1.0 |',
    )
    expect(text).toContain(
      '| **coatcheck, Redis (redis), 10,000 sessions** | 40.0 (40.0 to 40.0) |  | 60.0 | 10,000 | 1.0 | 1.0 |',
    )
    expect(text).toContain('| connect-redis, Express | 90.0 (90.0 to 90.0) |  | 120 | 10,000 | 2.0 | 2.0 |')
  })

  it('take room besides the data, told by part', () => {
    expect(renderReport(withServers())).toContain('| Redis | 1,248 | 700 | memory 1,148, index 100 |')
  })

  it('have plots, which the page names', () => {
    const text = renderReport(withServers())
    const files = drawCharts(withServers()).map(({ file }) => file)
    expect(files).toEqual(expect.arrayContaining(['overhead-servers.svg', 'room-besides-data.svg']))
    for (const file of files) expect(text).toContain(`](benchmarks/${file})`)
  })

  it('are left out where they were not measured', () => {
    expect(renderReport(results())).not.toMatch(/With the store on a server|Besides the data/)
  })

  it('lose where they cost more than connect-redis', () => {
    expect(findLosses(withServers()).join('\n')).not.toContain('connect-redis')
    expect(findLosses(withServers({ redis: 99 }))).toContain(
      '**CPU per request:** coatcheck, Redis (redis), 10,000 sessions, Express costs 99.0 µs over bare Express, more than connect-redis, Express (90.0 µs).',
    )
  })
})

describe('targets of stores on servers', () => {
  const verdict = (what: string, figures: Parameters<typeof withServers>[0]) =>
    judgeTargets(withServers(figures)).find(({ target }) => target.includes(what))?.met

  it('are a third of connect-redis at most', () => {
    expect(verdict('10,000 sessions, Express', { redis: 30 })).toBe(true)
    expect(verdict('10,000 sessions, Express', { redis: 30.1 })).toBe(false)
  })

  it('are 800 bytes besides the data at most', () => {
    expect(verdict('besides 548 bytes', { besides: 800 })).toBe(true)
    expect(verdict('besides 548 bytes', { besides: 801 })).toBe(false)
  })

  it('are a stall of less than 10 ms, and less than 10 ms for the sessions of a user', () => {
    expect(verdict('longest stall', { stall: 9.9 })).toBe(true)
    expect(verdict('longest stall', { stall: 10 })).toBe(false)
    expect(verdict('sessions of one user', {})).toBe(true)
  })
})
