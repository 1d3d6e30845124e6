import type { Events, SessionEvent } from './events.ts'
import type { CacheCounts } from './session-cache.ts'

/** One number, with what tells it apart from others of its metric. */
export interface MetricSample {
  readonly labels: { readonly [name: string]: string }
  readonly value: number
}

/**
 * A metric of one node, by OpenTelemetry's conventions: `name` in dots, `unit` in UCUM (`s`, or what is counted in braces).
 * Its name in Prometheus follows from these (OpenTelemetry's rules for Prometheus and OpenMetrics): underscores for dots,
 * `_seconds` for `s`, `_total` behind a counter.
 */
export interface Metric {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly unit: string
  readonly description: string
  readonly samples: readonly MetricSample[]
}

type Description = Omit<Metric, 'samples'>

/** Every metric there is. Documented in `docs/guides/metrics.md`, which a test compares with this. */
export const METRICS = {
  events: counter('coatcheck.events', '{event}', 'Events by name.'),
  refusals: counter('coatcheck.tokens.refused', '{token}', 'Tokens that were not accepted, by reason.'),
  reuses: counter(
    'coatcheck.tokens.reused',
    '{token}',
    'Superseded tokens after their rotation had settled, by cause.',
  ),
  ends: counter('coatcheck.sessions.ended', '{session}', 'Sessions whose end this node reported, by reason.'),
  storeCalls: counter('coatcheck.store.calls', '{call}', 'Calls of the store, by operation.'),
  storeFailures: counter(
    'coatcheck.store.failures',
    '{call}',
    'Calls of the store that failed, by operation.',
  ),
  cacheHits: counter(
    'coatcheck.cache.hits',
    '{validation}',
    'Validations that were answered from the near cache.',
  ),
  cacheMisses: counter('coatcheck.cache.misses', '{validation}', 'Validations that asked the store.'),
  cacheUnproven: counter(
    'coatcheck.cache.unproven',
    '{validation}',
    'Misses of a session that was there, for want of a lease.',
  ),
  cacheStale: counter(
    'coatcheck.cache.stale',
    '{validation}',
    'Validations answered without a lease, under unsafeServeStale.',
  ),
  cacheEvictions: counter(
    'coatcheck.cache.evictions',
    '{session}',
    'Sessions put out of the cache for want of room.',
  ),
  cacheSessions: gauge('coatcheck.cache.sessions', '{session}', 'Sessions in the cache.'),
  feedChanges: counter(
    'coatcheck.feed.changes',
    '{change}',
    'Changes that the cache was told of, by this node or another.',
  ),
  feedLosses: counter(
    'coatcheck.feed.losses',
    '{loss}',
    'Times that the feed broke, was incomplete, or came back.',
  ),
  feedLeases: gauge(
    'coatcheck.feed.lease',
    '{lease}',
    'Whether a partition is proven fresh: 1 or 0, by partition.',
  ),
  feedEchoes: counter('coatcheck.feed.echoes', '{probe}', 'Probes that came back through the feed.'),
  feedEchoTime: counter('coatcheck.feed.echo_time', 's', 'What the probes took, together.'),
  feedLongestEcho: gauge('coatcheck.feed.longest_echo', 's', 'What the slowest probe took.'),
} as const satisfies Record<string, Description>

/** Reasons of ends that have a sample of their own; those that an application makes up share `other`. */
const REASONS: ReadonlySet<string> = new Set([
  'logout',
  'revoked',
  'idle',
  'absolute',
  'limit',
  'reuse',
  'replaced',
  'shared-rotation',
  'linked',
  'session-ended',
])

/** What this node has counted since it started. Listening costs nothing where nothing happens: most requests are no event. */
export class Metrics {
  readonly #events = new Map<string, number>()
  readonly #refusals = new Map<string, number>()
  readonly #reuses = new Map<string, number>()
  readonly #ends = new Map<string, number>()
  readonly #storeCalls = new Map<string, number>()
  readonly #storeFailures = new Map<string, number>()

  constructor(events: Events) {
    events.on('*', (event) => this.#count(event))
  }

  storeCalled(operation: string): void {
    increment(this.#storeCalls, operation)
  }

  /** `cache`: `null` where there is none. */
  read(cache: CacheCounts | null): readonly Metric[] {
    return [
      labelled(METRICS.events, 'name', this.#events),
      labelled(METRICS.refusals, 'reason', this.#refusals),
      labelled(METRICS.reuses, 'cause', this.#reuses),
      labelled(METRICS.ends, 'reason', this.#ends),
      labelled(METRICS.storeCalls, 'operation', this.#storeCalls),
      labelled(METRICS.storeFailures, 'operation', this.#storeFailures),
      ...(cache ? cacheMetrics(cache) : []),
    ]
  }

  #count(event: SessionEvent): void {
    increment(this.#events, event.name)
    if (event.name === 'token-refused') increment(this.#refusals, event.reason)
    else if (event.name === 'reused') increment(this.#reuses, event.cause)
    else if (event.name === 'store-failed') increment(this.#storeFailures, event.operation)
    else if (event.name === 'ended') increment(this.#ends, REASONS.has(event.reason) ? event.reason : 'other')
  }
}

/**
 * Metrics of several kinds of tokens in one process as one list, each sample with the label `of`:
 * `combineMetrics({ sessions: sessions.metrics(), refresh: tokens.metrics(), 'api-keys': apiKeys.metrics() })`.
 */
export function combineMetrics(parts: { readonly [of: string]: readonly Metric[] }): readonly Metric[] {
  const all = new Map<string, Metric>()
  for (const [of, metrics] of Object.entries(parts)) {
    for (const metric of metrics) {
      const own = metric.samples.map(({ labels, value }) => ({ labels: { of, ...labels }, value }))
      all.set(metric.name, { ...metric, samples: [...(all.get(metric.name)?.samples ?? []), ...own] })
    }
  }
  return [...all.values()]
}

/** The metrics in the text format of Prometheus, version 0.0.4: the body of a `/metrics` endpoint. */
export function toPrometheusText(metrics: readonly Metric[]): string {
  return metrics.map(metricText).join('')
}

function metricText({ name, type, unit, description, samples }: Metric): string {
  const plain = name.replaceAll('.', '_') + (unit === 's' ? '_seconds' : '')
  const full = type === 'counter' ? `${plain}_total` : plain
  const lines = samples.map(({ labels, value }) => `${full}${labelText(labels)} ${value}\n`)
  return `# HELP ${full} ${description}\n# TYPE ${full} ${type}\n${lines.join('')}`
}

function labelText(labels: MetricSample['labels']): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function cacheMetrics(counts: CacheCounts): readonly Metric[] {
  return [
    single(METRICS.cacheHits, counts.hits),
    single(METRICS.cacheMisses, counts.misses),
    single(METRICS.cacheUnproven, counts.unproven),
    single(METRICS.cacheStale, counts.stale),
    single(METRICS.cacheEvictions, counts.evictions),
    single(METRICS.cacheSessions, counts.sessions),
    single(METRICS.feedChanges, counts.changes),
    single(METRICS.feedLosses, counts.losses),
    {
      ...METRICS.feedLeases,
      samples: counts.leases.map((held, partition) => ({
        labels: { partition: partition.toString(16).padStart(2, '0') },
        value: held ? 1 : 0,
      })),
    },
    single(METRICS.feedEchoes, counts.echoes),
    single(METRICS.feedEchoTime, counts.echoTime / 1_000),
    single(METRICS.feedLongestEcho, counts.longestEcho / 1_000),
  ]
}

function labelled(metric: Description, label: string, counts: ReadonlyMap<string, number>): Metric {
  const samples = [...counts].map(([name, value]) => ({ labels: { [label]: name }, value }))
  return { ...metric, samples }
}

function single(metric: Description, value: number): Metric {
  return { ...metric, samples: [{ labels: {}, value }] }
}

function increment(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

function counter(name: string, unit: string, description: string): Description {
  return Object.freeze({ name, type: 'counter', unit, description })
}

function gauge(name: string, unit: string, description: string): Description {
  return Object.freeze({ name, type: 'gauge', unit, description })
}
