import { describe, expect, it } from 'vitest'
import { drawCharts } from '../report/charts.ts'
import { findLosses } from '../report/losses.ts'
import { renderReport } from '../report/report.ts'
import { summarise } from '../report/summary.ts'
import type { OverheadCase, Results } from '../results.ts'
import { overhead, results } from './sample-results.ts'

const OURS = { kind: 'ours', headerBytes: 89, storeCalls: 1 } as const
const PEER = { kind: 'peer', headerBytes: 96, storeCalls: 1 } as const

describe('overhead per framework', () => {
  it('is a line for each framework, beside the package that is usual there', () => {
    const text = renderReport(withFastify())
    expect(text).toContain('| Fastify 5 | 30.0 | @fastify/session | 20.0 | 10.0 | 0.50x | 50.0 | 2.50x |\n')
    expect(text).toContain('| Express 5 | 100 | express-session | 50.0 |  |  |  |  |\n')
  })

  it('is compared round by round, so that a slow round of the machine shifts no ratio', () => {
    const slowRound = [
      overhead('Koa bare', { kind: 'bare', framework: 'Koa' }, [30, 90, 30]),
      overhead('koa-session, signed cookie, Koa', { ...PEER, framework: 'Koa' }, [50, 150, 50]),
      overhead('coatcheck, memory, 10,000 sessions, Koa', { ...OURS, framework: 'Koa' }, [40, 120, 40]),
    ]
    expect(renderReport(results({ more: slowRound }))).toContain(
      '| Koa 3 | 30.0 | koa-session | 20.0 | 10.0 | 0.50x |  |  |\n',
    )
  })

  it('has a section with a table and a plot, from which the framework need not be told', () => {
    const [, section = ''] = renderReport(withFastify()).split('### On Fastify 5\n')
    expect(section).toContain('![CPU per request over bare Fastify](benchmarks/overhead-fastify.svg)')
    expect(section).toContain(
      '| **coatcheck, memory, 10,000 sessions** | 10.0 (10.0 to 10.0) | 0.50x | 40.0 |',
    )
    expect(section).toContain('| @fastify/session, MemoryStore, 10,000 sessions | 20.0 (20.0 to 20.0) | 1 |')
  })

  it('is drawn from 0, which is the bare server, with bars as long as the figures', () => {
    const svg = drawCharts(withFastify()).find(({ file }) => file === 'overhead-fastify.svg')?.svg ?? ''
    const widths = [...svg.matchAll(/<rect class="(?:ours|peer)"[^>]* width="([-\d.]+)"/g)]
    const [memory = 0, session = 0, sqlite = 0] = widths.map(([, width]) => Number(width))
    expect([session / memory, sqlite / memory]).toEqual([expect.closeTo(2, 2), expect.closeTo(5, 2)])
    expect(svg).toContain('over the bare server, which is 0')
  })

  it('is told in short, as a multiple of the usual package', () => {
    expect(summarise(withFastify())).toContain(
      'coatcheck, SQLite, 10,000 sessions, Fastify: 50.0 µs of CPU per request over bare Fastify, 2.50x of @fastify/session.',
    )
  })

  it('names each loss to the usual package', () => {
    const losses = findLosses(withFastify())
    expect(losses).toContain(
      '**CPU per request:** coatcheck, SQLite, 10,000 sessions, Fastify costs 50.0 µs over bare Fastify, more than @fastify/session, MemoryStore, 10,000 sessions, Fastify (20.0 µs, a factor of 2.5).',
    )
    expect(losses.filter((loss) => loss.includes('memory, 10,000 sessions, Fastify costs'))).toEqual([])
  })

  it('names the frameworks on which a session costs more than on node:http', () => {
    expect(findLosses(withFastify())).toContain(
      '**Adapters:** coatcheck, memory, 10,000 sessions adds more to Fastify (10.0 µs) than to node:http (4.0 µs).',
    )
    const cheaper = findLosses(withFastify({ memory: [33, 33, 33, 33] }))
    expect(cheaper.filter((loss) => loss.startsWith('**Adapters'))).toEqual([])
  })

  it('is left out for a framework that was not measured', () => {
    expect(renderReport(results())).not.toMatch(/On (Fastify|Koa|Hono)/)
    expect(drawCharts(results()).map(({ file }) => file)).not.toContain('overhead-fastify.svg')
  })
})

/** Fastify bare at 30 µs, its usual package at 50. */
function withFastify({ memory = [40, 40, 40, 40] }: { readonly memory?: readonly number[] } = {}): Results {
  const framework = 'Fastify'
  const more: OverheadCase[] = [
    overhead('Fastify bare', { kind: 'bare', framework }, [30, 30, 30, 30]),
    overhead('coatcheck, memory, 10,000 sessions, Fastify', { ...OURS, framework }, memory),
    overhead('coatcheck, SQLite, 10,000 sessions, Fastify', { ...OURS, framework }, [80, 80, 80, 80]),
    overhead(
      '@fastify/session, MemoryStore, 10,000 sessions, Fastify',
      { ...PEER, framework },
      [50, 50, 50, 50],
    ),
  ]
  return results({ more })
}
