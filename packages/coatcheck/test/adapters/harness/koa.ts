import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import Koa, { type Context, type Middleware } from 'koa'
import { sessionMiddleware } from '../../../src/adapters/koa.ts'
import type {
  ExchangeApplication,
  ExchangeHarness,
  ResponseWriter,
  Route,
  ServedOrigin,
} from '../../../src/store-testing/exchanges/harness.ts'
import { nodeRequest } from './node-writer.ts'
import { serve } from './serve.ts'
import { serveWebSockets } from './web-sockets.ts'

type Answer = (route: Route, context: Context, application: ExchangeApplication) => Promise<void>

/** A Koa application with a middleware per route. Handlers set a body where they can, and else write to `ctx.res`. */
export const koaHarness: ExchangeHarness = {
  features: ['write-head', 'error-handler', 'late-calls', 'end-of-response', 'upgrade'],
  start: (application) => startKoa(application, answerRaw),
}

/** The same with handlers that set a stream as the body where they do not answer in one piece. */
export const koaStreamHarness: ExchangeHarness = {
  features: ['error-handler', 'end-of-response'],
  start: (application) => startKoa(application, answerWithStream),
}

function startKoa(application: ExchangeApplication, answer: Answer): Promise<ServedOrigin> {
  const { sessions, routes, errorHandler, upgrades } = application
  const app = new Koa()
  app.silent = true
  if (errorHandler) app.use(resetAndAnswer)
  for (const route of routes) {
    const { method, path, mode = 'full' } = route
    app.use(onlyFor(method, path, sessionMiddleware(sessions, { property: false, mode })))
    app.use(onlyFor(method, path, (context) => answer(route, context, application)))
  }
  return serve(app.callback(), (server) => {
    if (upgrades) serveWebSockets(server, sessions)
  })
}

function onlyFor(method: string, path: string, middleware: Middleware): Middleware {
  return (context, next) =>
    context.method === method && context.path === path ? middleware(context, next) : next()
}

const resetAndAnswer: Middleware = async (context, next) => {
  try {
    await next()
  } catch (error) {
    if (context.headerSent) throw error
    for (const name of context.res.getHeaderNames()) context.remove(name)
    const { status = 500 } = error as { readonly status?: number }
    if (status === 503) context.set('Retry-After', '5')
    context.status = status
    context.body = 'sorry'
  }
}

async function answerRaw(
  { handle }: Route,
  context: Context,
  { sessions }: ExchangeApplication,
): Promise<void> {
  const response = new RawWriter(context)
  await handle({ session: sessions.of(context), request: nodeRequest(context.req, context.res), response })
}

/** Koa sends a stream when its middleware is done, so that the handler is left at work. */
async function answerWithStream(
  { handle }: Route,
  context: Context,
  { sessions }: ExchangeApplication,
): Promise<void> {
  const response = new StreamWriter(context)
  const request = nodeRequest(context.req, context.res)
  const handled = (async () => handle({ session: sessions.of(context), request, response }))()
  handled.catch((error) => response.fail(error))
  await response.ready
}

abstract class KoaWriter implements ResponseWriter {
  readonly context: Context
  #status = 200

  constructor(context: Context) {
    this.context = context
  }

  status(code: number): void {
    this.#status = code
  }

  header(name: string, value: string): void {
    this.context.set(name, value)
  }

  cookie(setCookie: string): void {
    this.context.append('Set-Cookie', setCookie)
  }

  protected answer(body: string | PassThrough): void {
    this.context.status = this.#status
    this.context.body = body
  }

  /** Tells Koa that the handler itself sends the response. */
  protected raw(): Context['res'] {
    if (this.context.respond !== false) this.context.status = this.#status
    this.context.respond = false
    return this.context.res
  }

  abstract writeHead(status: number, headers: Readonly<Record<string, string>>): void
  abstract flush(): void
  abstract write(chunk: string): boolean
  abstract drained(): Promise<void>
  abstract end(body?: string): void
}

class RawWriter extends KoaWriter {
  writeHead(status: number, headers: Readonly<Record<string, string>>): void {
    this.raw().writeHead(status, headers)
  }

  flush(): void {
    this.raw().flushHeaders()
  }

  write(chunk: string): boolean {
    return this.raw().write(chunk)
  }

  async drained(): Promise<void> {
    await once(this.context.res, 'drain')
  }

  end(body = ''): void {
    if (this.context.respond === false) this.context.res.end(body)
    else this.answer(body)
  }
}

class StreamWriter extends KoaWriter {
  readonly #ready = Promise.withResolvers<void>()
  #stream: PassThrough | null = null

  /** Settles when Koa may go on, or the handler has failed. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  writeHead(): never {
    throw new TypeError('A stream has no writeHead.')
  }

  flush(): void {
    this.#begin()
    // Koa has no other way to send headers before a body.
    setImmediate(() => this.context.res.flushHeaders())
  }

  write(chunk: string): boolean {
    return this.#begin().write(chunk)
  }

  async drained(): Promise<void> {
    await once(this.#begin(), 'drain')
  }

  end(body = ''): void {
    if (this.#stream) {
      this.#stream.end(body)
      return
    }
    this.answer(body)
    this.#ready.resolve()
  }

  fail(error: unknown): void {
    this.#stream?.destroy(error as Error)
    this.#ready.reject(error)
  }

  #begin(): PassThrough {
    if (this.#stream) return this.#stream
    // One piece at a time, so that writers are told to wait as they are by a slow client.
    this.#stream = new PassThrough({ highWaterMark: 1 })
    this.answer(this.#stream)
    this.#ready.resolve()
    return this.#stream
  }
}
