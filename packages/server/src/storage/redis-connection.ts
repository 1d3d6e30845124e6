import { createClient, createCluster, createSentinel } from 'redis'
import { engineAddresses, engineWithoutSecrets } from '../config/parsing.ts'
import { codeOf, StartError } from '../start-error.ts'

/** Milliseconds for the first connection; later ones are tried again for as long as it takes. */
const PATIENCE = 5_000

const SENTINEL_PORT = 26_379

/**
 * A client of Redis, connected. `redis://host` is one server; several hosts separated by commas are nodes of a Cluster;
 * `redis+sentinel://host,host/name` asks Sentinels for the primary `name`.
 */
export async function connectRedis(text: string, onError: (error: unknown) => void) {
  const connection = new FirstConnection()
  const client = clientOf(text, connection)
  client.on('error', (error) => connection.report(error, onError))
  try {
    await connection.within(client.connect())
  } catch (error) {
    await client.destroy()
    throw new StartError(`Redis at ${engineWithoutSecrets(text)} ${failureOf(rootOf(error))}.`)
  }
  return client
}

function clientOf(text: string, connection: FirstConnection) {
  const urls = engineAddresses(text).filter((url) => url !== null)
  const [first] = urls
  const socket = { connectTimeout: PATIENCE, reconnectStrategy: connection.retry }
  const credentials = {
    ...(first?.username && { username: decodeURIComponent(first.username) }),
    ...(first?.password && { password: decodeURIComponent(first.password) }),
  }
  if (first?.protocol === 'redis+sentinel:') {
    const sentinelRootNodes = urls.map((url) => ({
      host: url.hostname,
      port: Number(url.port) || SENTINEL_PORT,
    }))
    const name = urls.map((url) => url.pathname.slice(1)).find((path) => path !== '') ?? 'mymaster'
    return createSentinel({ name, sentinelRootNodes, nodeClientOptions: { ...credentials, socket } })
  }
  if (urls.length < 2) return createClient({ url: text, socket })
  return createCluster({
    rootNodes: urls.map(({ href }) => ({ url: href })),
    defaults: { ...credentials, socket },
  })
}

/** A server that does not answer at the start is told of at once, one that goes away later is waited for. */
class FirstConnection {
  #done = false
  #last: unknown = null

  readonly retry = (retries: number, cause: Error): number | Error =>
    this.#done ? Math.min(50 * 2 ** Math.min(retries, 10), 2_000) : cause

  report(error: unknown, onError: (error: unknown) => void): void {
    this.#last = error
    if (this.#done) onError(error)
  }

  async within(connecting: Promise<unknown>): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE)
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(this.#last ?? signal.reason), { once: true })
    })
    late.catch(() => {})
    await Promise.race([connecting, late])
    this.#done = true
  }
}

/** What a client that has given up says of why. */
function rootOf(error: unknown): unknown {
  const { socketError, originalError } = error as { socketError?: unknown; originalError?: unknown }
  return socketError ?? originalError ?? error
}

function failureOf(error: unknown): string {
  const said = error instanceof Error ? error.message : ''
  if (/^(?:WRONGPASS|NOAUTH|NOPERM)/.test(said)) return 'refuses the name or password'
  if (error instanceof DOMException) return `does not answer within ${PATIENCE / 1_000} seconds`
  return `cannot be reached (${codeOf(error)})`
}
