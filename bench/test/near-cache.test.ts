import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { cacheModes } from '../modes/cache.ts'
import { combined, without } from '../parts.ts'
import { assertAnswers } from '../questions/answers.ts'
import { measureCacheRoom } from '../questions/cache-room.ts'
import { drawCharts } from '../report/charts.ts'
import { findLosses } from '../report/losses.ts'
import { renderReport } from '../report/report.ts'
import { judgeTargets } from '../report/targets.ts'
import { results, withCache } from './sample-results.ts'

describe('modes with a near cache', () => {
  const embedded = cacheModes.filter(({ kind, engine }) => kind === 'ours' && engine === undefined)

  it('are there on memory for few sessions and many, and on SQLite', () => {
    expect(embedded.map(({ name }) => name)).toEqual([
      'coatcheck, near cache of 10,000, memory',
      'coatcheck, near cache of 1,000,000, memory',
      'coatcheck, near cache of 1,000,000, memory, 20,000 in use',
      'coatcheck, near cache of 10,000, SQLite',
      'coatcheck, API key in x-api-key, near cache of 10,000, memory',
      'coatcheck, API key in authorization, near cache of 10,000, memory',
    ])
  })

  it.each(embedded)('know who is asking and nobody else, in small: $name', async (mode) => {
    const running = await mode.start({ scale: 0, sample: 3, engines: {} })
    running.server.listen(0, '127.0.0.1')
    await once(running.server, 'listening')
    const url = `http://127.0.0.1:${(running.server.address() as AddressInfo).port}/`
    await assertAnswers({ mode, url, requests: running.requests })
    running.server.closeAllConnections()
    running.server.close()
    await running.close?.()
  })
})

describe('the room of a cached session', () => {
  it.each(['nothing else', 'data and device'] as const)(
    'is measured with all sessions in the cache that hold %s',
    async (holding) => {
      expect(await measureCacheRoom(holding, 300)).toMatchObject({ holding, sessions: 300 })
    },
  )
})

describe('the near cache in the report', () => {
  it('stands beside every rival on its framework', () => {
    const text = renderReport(withCache())
    expect(text).toContain(
      '| **coatcheck, near cache of 10,000, memory** | 3.0 (3.0 to 3.0) | 0.07x | 0.75x |  | 23.0 |',
    )
    expect(text).toContain(
      '| **coatcheck, near cache of 10,000, Redis, Express** | 9.0 (9.0 to 9.0) |  |  | 0.09x | 39.0 |',
    )
  })

  it('tells how soon an end is known, beside an answer of the server', () => {
    expect(renderReport(withCache())).toContain('| Redis | 3 | 2.0 ms | 3.0 ms | 0.20 ms | 0.49 ms |')
  })

  it('has a plot, which the page names, and is left out where it was not measured', () => {
    expect(drawCharts(withCache()).map(({ file }) => file)).toContain('overhead-near-cache.svg')
    expect(renderReport(withCache())).toContain('](benchmarks/overhead-near-cache.svg)')
    expect(renderReport(results())).not.toContain('Near cache')
  })

  it('loses where a rival costs less', () => {
    expect(findLosses(withCache()).join('\n')).not.toContain('near cache')
    expect(findLosses(withCache({ hit: 4.5 }))).toContain(
      '**CPU per request:** coatcheck, near cache of 10,000, memory costs 4.5 µs over bare node:http, more than fast-jwt HS256, verification cache (4.0 µs).',
    )
  })

  it('is measured and replaced by itself', () => {
    const old = withCache()
    const kept = without(old, ['cache'], old.settings)
    expect(kept.cache).toBeUndefined()
    expect(without(old, ['Koa'], old.settings).cache).toBe(old.cache)
    expect(combined(kept, withCache({ hit: 1 })).cache).toEqual(withCache({ hit: 1 }).cache)
  })
})

describe('targets of the near cache', () => {
  const verdicts = (what: string, figures: Parameters<typeof withCache>[0]) =>
    judgeTargets(withCache(figures))
      .filter(({ target }) => target.includes(what))
      .map(({ limit, met }) => `${limit}: ${met}`)

  it('are 4 µs, a tenth of jose and no more than fast-jwt with its cache', () => {
    expect(verdicts('memory, per request', { hit: 4 })).toEqual([
      'at most 4 µs of CPU: true',
      'at most a tenth of jose HS256: true',
      'at most what fast-jwt takes with its verification cache: true',
    ])
    expect(verdicts('memory, per request', { hit: 4.1 }).map((one) => one.endsWith('true'))).toEqual([
      false,
      false,
      false,
    ])
  })

  it('are 5 µs for an API key, whatever a signed token costs', () => {
    const keyed = (hit: number) => {
      const cached = withCache()
      const [, ours] = cached.cache?.overhead ?? []
      if (!cached.cache || !ours) throw new Error('not measured')
      const name = 'coatcheck, API key in x-api-key, near cache of 10,000, memory'
      const one = { ...ours, name, rounds: withCache({ hit }).cache?.overhead[1]?.rounds ?? ours.rounds }
      return judgeTargets({
        ...cached,
        cache: { ...cached.cache, overhead: [...cached.cache.overhead, one] },
      })
        .filter(({ target }) => target.includes('API key') && target.includes('per request over'))
        .map(({ limit, met }) => `${limit}: ${met}`)
    }
    expect(keyed(5)).toEqual(['at most 5 µs of CPU: true'])
    expect(keyed(5.1)).toEqual(['at most 5 µs of CPU: false'])
  })

  it('are a tenth of connect-redis on Express', () => {
    expect(verdicts('Express, per request', { express: 10 })[0]).toContain('true')
    expect(verdicts('Express, per request', { express: 10.1 })[0]).toContain('false')
  })

  it('are no store calls at all, 250 bytes, and 900 with data and device', () => {
    expect(verdicts('store calls', {})).toEqual(['none: true', 'none: true'])
    expect(verdicts('store calls', { calls: 0.01 })).toEqual(['none: false', 'none: false'])
    expect(verdicts('memory of a cached session', { bytes: 250 })).toEqual([
      'at most 250 bytes: true',
      'at most 900 bytes: false',
    ])
  })
})
