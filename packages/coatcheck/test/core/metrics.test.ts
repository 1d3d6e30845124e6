import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { combineMetrics, METRICS, type Metric, toPrometheusText } from '../../src/core/metrics.ts'
import { createNode, login, SECOND, sessionOf, validate } from '../helpers/nodes.ts'

describe('the metrics of a node', () => {
  it('count what happens to sessions and tokens', async () => {
    const node = createNode()
    const { token, session } = await login(node, 'ada')
    await login(node, 'bob')
    await node.manager.revokeUser('bob', { reason: 'made up by an application' })
    await node.manager.logout(session)
    for (let i = 0; i < 3; i++) await validate(node, token)
    await validate(node, 'garbage')
    const metrics = node.manager.metrics()
    expect(valuesOf(metrics, 'coatcheck.events')).toMatchObject({
      'logged-in': 2,
      ended: 2,
      'token-refused': 4,
    })
    expect(valuesOf(metrics, 'coatcheck.tokens.refused')).toEqual({ ended: 3, malformed: 1 })
    expect(valuesOf(metrics, 'coatcheck.sessions.ended')).toEqual({ logout: 1, other: 1 })
  })

  it('count calls of the store, and which of them failed', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    node.store.fail('find', undefined, { times: 1 })
    await validate(node, token).catch(() => {})
    await validate(node, token)
    const metrics = node.manager.metrics()
    expect(valuesOf(metrics, 'coatcheck.store.calls')).toMatchObject({ replace: 1, find: 2 })
    expect(valuesOf(metrics, 'coatcheck.store.failures')).toEqual({ find: 1 })
  })

  it('tell how the near cache does, and are silent about one that is not there', async () => {
    const node = createNode({ nearCache: true })
    const { token } = await login(node, 'ada')
    for (let i = 0; i < 4; i++) await sessionOf(node, token)
    const metrics = node.manager.metrics()
    expect(numberOf(metrics, 'coatcheck.cache.hits')).toBe(3)
    expect(numberOf(metrics, 'coatcheck.cache.misses')).toBe(1)
    expect(numberOf(metrics, 'coatcheck.cache.sessions')).toBe(1)
    expect(Object.values(valuesOf(metrics, 'coatcheck.feed.lease'))).toEqual(Array(256).fill(1))
    await node.environment.advanceAndSettle(10 * SECOND)
    expect(Object.values(valuesOf(node.manager.metrics(), 'coatcheck.feed.lease'))).toEqual(
      Array(256).fill(0),
    )
    expect(
      createNode()
        .manager.metrics()
        .some(({ name }) => name.startsWith('coatcheck.cache')),
    ).toBe(false)
  })

  it('are all in the documentation, under both names', () => {
    const guide = readFileSync(join(import.meta.dirname, '../../../../docs/guides/metrics.md'), 'utf8')
    const told = [...guide.matchAll(/^\| `(coatcheck\.[\w.]+)` \| `(\w+)` \| (\w+) \|/gm)].map((row) =>
      row.slice(1, 4),
    )
    const known = Object.values(METRICS).map((metric) => [
      metric.name,
      /^# HELP (\w+)/.exec(toPrometheusText([{ ...metric, samples: [] }]))?.[1],
      metric.type,
    ])
    expect(told).toEqual(known)
  })
})

describe('the text for Prometheus', () => {
  it('is what its parser reads: a line of help, one of type, and one per sample', () => {
    const labels = { operation: 'find' }
    const text = toPrometheusText([
      { ...METRICS.storeCalls, samples: [{ labels, value: 7 }] },
      { ...METRICS.feedEchoTime, samples: [{ labels: {}, value: 0.25 }] },
    ])
    expect(text.split('\n')).toEqual([
      '# HELP coatcheck_store_calls_total Calls of the store, by operation.',
      '# TYPE coatcheck_store_calls_total counter',
      'coatcheck_store_calls_total{operation="find"} 7',
      '# HELP coatcheck_feed_echo_time_seconds_total What the probes took, together.',
      '# TYPE coatcheck_feed_echo_time_seconds_total counter',
      'coatcheck_feed_echo_time_seconds_total 0.25',
      '',
    ])
  })
})

describe('the metrics of several kinds of tokens', () => {
  it('are one list, in which each sample says of what it is, and one text without a name twice', () => {
    const one = (value: number) => [
      { ...METRICS.storeCalls, samples: [{ labels: { operation: 'find' }, value }] },
    ]
    const text = toPrometheusText(combineMetrics({ sessions: one(7), 'api "keys"': one(8), none: [] }))
    expect(text.split('\n').slice(2)).toEqual([
      'coatcheck_store_calls_total{of="sessions",operation="find"} 7',
      'coatcheck_store_calls_total{of="api \\"keys\\"",operation="find"} 8',
      '',
    ])
  })
})

function valuesOf(metrics: readonly Metric[], wanted: string): Record<string, number> {
  const samples = metrics.find((metric) => metric.name === wanted)?.samples ?? []
  return Object.fromEntries(samples.map(({ labels, value }) => [Object.values(labels)[0] ?? '', value]))
}

function numberOf(metrics: readonly Metric[], metric: string): number | undefined {
  return valuesOf(metrics, metric)['']
}
