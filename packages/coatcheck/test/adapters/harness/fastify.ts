import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { sessionPlugin } from '../../../src/adapters/fastify.ts'
import type { Mode } from '../../../src/core/validator.ts'
import type {
  ExchangeApplication,
  ExchangeHarness,
  ResponseWriter,
  ServedOrigin,
} from '../../../src/store-testing/exchanges/harness.ts'
import { nodeRequest } from './node-writer.ts'
import { serveWebSockets } from './web-sockets.ts'

const MODES: readonly Mode[] = ['full', 'read', 'peek']

type MakeWriter = (reply: FastifyReply) => FastifyWriter

/** A Fastify application with an instance per mode. Handlers reply in one piece where they can, and else write to `reply.raw`. */
export const fastifyHarness: ExchangeHarness = {
  features: ['write-head', 'error-handler', 'late-calls', 'end-of-response', 'upgrade'],
  start: (application) => startFastify(application, (reply) => new RawWriter(reply)),
}

/** The same with handlers that reply with a stream where they do not reply in one piece. */
export const fastifyStreamHarness: ExchangeHarness = {
  features: ['error-handler', 'end-of-response'],
  start: (application) => startFastify(application, (reply) => new StreamWriter(reply)),
}

async function startFastify(application: ExchangeApplication, makeWriter: MakeWriter): Promise<ServedOrigin> {
  const app = Fastify({ exposeHeadRoutes: false, forceCloseConnections: true })
  // The table's client sends bodies without a type, of no bytes.
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null)
  })
  if (application.errorHandler) app.setErrorHandler(resetAndAnswer)
  for (const mode of MODES)
    app.register((part, _options, done) => {
      addRoutes(part, mode, application, makeWriter)
      done()
    })
  if (application.upgrades) serveWebSockets(app.server, application.sessions)
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    origin,
    async close() {
      await app.close()
    },
  }
}

function addRoutes(
  app: FastifyInstance,
  mode: Mode,
  { sessions, routes }: ExchangeApplication,
  makeWriter: MakeWriter,
): void {
  app.register(sessionPlugin, { sessions, property: false, mode })
  for (const route of routes.filter((one) => (one.mode ?? 'full') === mode)) {
    app.route({
      method: route.method,
      url: route.path,
      async handler(request, reply) {
        const response = makeWriter(reply)
        const turn = { session: sessions.of(request), request: nodeRequest(request.raw, reply.raw), response }
        try {
          await route.handle(turn)
        } catch (error) {
          response.fail(error)
        }
        return reply
      },
    })
  }
}

function resetAndAnswer(error: unknown, _request: unknown, reply: FastifyReply): void {
  for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name)
  const { status = 500 } = error as { readonly status?: number }
  if (status === 503) reply.header('Retry-After', '5')
  reply.code(status).send('sorry')
}

abstract class FastifyWriter implements ResponseWriter {
  readonly reply: FastifyReply

  constructor(reply: FastifyReply) {
    this.reply = reply
  }

  status(code: number): void {
    this.reply.code(code)
  }

  header(name: string, value: string): void {
    this.reply.header(name, value)
  }

  cookie(setCookie: string): void {
    this.reply.header('Set-Cookie', setCookie)
  }

  abstract writeHead(status: number, headers: Readonly<Record<string, string>>): void
  abstract flush(): void
  abstract write(chunk: string): boolean
  abstract drained(): Promise<void>
  abstract end(body?: string): void
  abstract fail(error: unknown): void
}

/** What has begun is written past the reply, which keeps its headers to itself until it is sent. */
class RawWriter extends FastifyWriter {
  #begun = false

  writeHead(status: number, headers: Readonly<Record<string, string>>): void {
    this.#begin().writeHead(status, headers)
  }

  flush(): void {
    this.#begin().flushHeaders()
  }

  write(chunk: string): boolean {
    return this.#begin().write(chunk)
  }

  async drained(): Promise<void> {
    await once(this.reply.raw, 'drain')
  }

  end(body?: string): void {
    if (this.#begun) this.reply.raw.end(body)
    else this.reply.send(body)
  }

  fail(error: unknown): never {
    throw error
  }

  #begin(): FastifyReply['raw'] {
    const { raw } = this.reply
    if (this.#begun) return raw
    this.#begun = true
    for (const [name, value] of Object.entries(this.reply.getHeaders())) {
      if (value !== undefined) raw.setHeader(name, value)
    }
    return raw
  }
}

class StreamWriter extends FastifyWriter {
  // One piece at a time, so that writers are told to wait as they are by a slow client.
  readonly #stream = new PassThrough({ highWaterMark: 1 })
  #sent = false

  writeHead(): never {
    throw new TypeError('A stream has no writeHead.')
  }

  flush(): void {
    this.#send()
    this.reply.raw.flushHeaders()
  }

  write(chunk: string): boolean {
    const accepted = this.#stream.write(chunk)
    this.#send()
    return accepted
  }

  async drained(): Promise<void> {
    await once(this.#stream, 'drain')
  }

  end(body?: string): void {
    if (this.#sent) this.#stream.end(body)
    else this.reply.send(body)
  }

  fail(error: unknown): void {
    if (!this.#sent) throw error
    this.#stream.destroy(error as Error)
  }

  #send(): void {
    if (!this.#sent) this.reply.send(this.#stream)
    this.#sent = true
  }
}
