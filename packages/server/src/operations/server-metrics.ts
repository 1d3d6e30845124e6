import { combineMetrics, type Metric, toPrometheusText } from 'coatcheck'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Upper ends of the classes of durations, in seconds: an answer from the near cache takes less than the first. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

export interface ObservedRequest {
  readonly listener: string
  readonly method: string
  readonly route: string
  /** 499: the client went away before the answer. */
  readonly status: number
  readonly seconds: number
}

/** Where counts of the library come from. */
interface Counting {
  metrics(): readonly Metric[]
}

export interface MetricSources {
  readonly audit: { readonly dropped: number; readonly waiting: number }
  readonly kinds: Readonly<Record<string, Counting>>
}

/** What this process has counted, in the text format of Prometheus. No sample says anything about one user (AUD-08). */
export class ServerMetrics {
  readonly #sources: MetricSources
  /** For parts that count by themselves. */
  readonly registry = new Registry()
  readonly #requests: Counter
  readonly #durations: Histogram
  #process: Registry | null = null

  constructor(sources: MetricSources) {
    this.#sources = sources
    const registers = [this.registry]
    this.#requests = new Counter({
      name: 'coatcheck_http_requests_total',
      help: 'Requests that were answered.',
      labelNames: ['listener', 'method', 'route', 'status'],
      registers,
    })
    this.#durations = new Histogram({
      name: 'coatcheck_http_request_duration_seconds',
      help: 'Time from the headers of a request to the end of its answer.',
      labelNames: ['listener', 'route'],
      buckets: BUCKETS,
      registers,
    })
    const { audit } = sources
    gauge(registers, 'coatcheck_audit_waiting', 'Audit entries that are to be written.', () => audit.waiting)
    gauge(
      registers,
      'coatcheck_audit_dropped',
      'Audit entries that were not kept since the start.',
      () => audit.dropped,
    )
  }

  observe({ listener, method, route, status, seconds }: ObservedRequest): void {
    this.#requests.inc({ listener, method, route, status })
    this.#durations.observe({ listener, route }, seconds)
  }

  async text(): Promise<string> {
    this.#process ??= processRegistry()
    const ours = await this.registry.metrics()
    return `${ours}\n${toPrometheusText(this.#counted())}${await this.#process.metrics()}`
  }

  /** What the library has counted of each kind, told apart by the label `of`. */
  #counted(): readonly Metric[] {
    const kinds = Object.entries(this.#sources.kinds).map(([kind, source]) => [kind, source.metrics()])
    return combineMetrics(Object.fromEntries(kinds))
  }
}

/** Of the process itself, without the metric that names versions (AUD-08). Not before somebody asks: it keeps watch on the event loop. */
function processRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  registry.removeSingleMetric('nodejs_version_info')
  return registry
}

function gauge(registers: Registry[], name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(read())
    },
  })
}
