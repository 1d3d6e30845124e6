import { createRequire } from 'node:module'
import type { Headers } from '../modes/mode.ts'
import { answerQuestions } from './child.ts'

/** What of autocannon is used here; it brings no types of its own. */
type Autocannon = (options: {
  readonly url: string
  readonly connections: number
  readonly duration?: number
  readonly amount?: number
  /** Milliseconds. */
  readonly sampleInt: number
  setupClient(client: {
    setRequests(
      requests: readonly { readonly headers: Headers; readonly method?: string; readonly body?: string }[],
    ): void
  }): void
}) => Promise<AutocannonResult>

interface AutocannonResult {
  readonly '2xx': number
  readonly non2xx: number
  readonly errors: number
  readonly timeouts: number
  /** Seconds. */
  readonly duration: number
}

const autocannon = createRequire(import.meta.url)('autocannon') as Autocannon

export interface Load {
  readonly url: string
  readonly requests: readonly Headers[]
  readonly connections: number
  /** Default GET without a body; bodies go round, too, as many as there are. */
  readonly send?: { readonly method: 'POST'; readonly bodies: readonly string[] }
  /** How long, in seconds, or how many requests. */
  readonly until: { readonly seconds: number } | { readonly requests: number }
}

/** A process that sends requests over keep-alive connections and waits for each answer before it sends the next. */
export interface LoadCommands {
  /** Answers how many requests were answered with success; anything else is an error. */
  run(load: Load): Promise<{ readonly requests: number; readonly seconds: number }>
}

/** Milliseconds between two looks at whether the run is over; a run of so many requests would else take a second at least. */
const LOOK_INTERVAL = 20

/**
 * Waking a sleeping core is paid for by the process that sends to it: on a virtual machine more than the whole answer
 * costs, and the more often the slower the server is. So this process never sleeps.
 */
function stayAwake(): void {
  setImmediate(stayAwake)
}

stayAwake()

answerQuestions<LoadCommands>(
  {
    async run({ url, requests, connections, until, send }) {
      let connected = 0
      const result = await autocannon({
        url,
        connections,
        sampleInt: LOOK_INTERVAL,
        ...('seconds' in until ? { duration: until.seconds } : { amount: until.requests }),
        setupClient(client) {
          const connection = { index: connected++, of: connections }
          const share = shareOf(requests, connection)
          const bodies = send && shareOf(send.bodies, connection)
          client.setRequests(
            bodies === undefined
              ? share.map((headers) => ({ headers }))
              : bodies.map((body, turn) => ({
                  ...{ method: send?.method ?? 'GET', body },
                  headers: share[turn % share.length] ?? {},
                })),
          )
        },
      })
      const failed = result.non2xx + result.errors + result.timeouts
      if (failed > 0 || result['2xx'] === 0) throw new Error(`${failed} requests to ${url} failed.`)
      return { requests: result['2xx'], seconds: result.duration }
    },
  },
  async () => {},
)

/** Every connection has clients of its own, as far as they go round. */
function shareOf<T>(
  requests: readonly T[],
  connection: { readonly index: number; readonly of: number },
): readonly T[] {
  const share = requests.filter((_, index) => index % connection.of === connection.index % connection.of)
  return share.length > 0 ? share : requests
}
