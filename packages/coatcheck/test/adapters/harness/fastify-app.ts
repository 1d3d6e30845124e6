import Fastify, { type FastifyInstance, type FastifyPluginCallback, type FastifyServerOptions } from 'fastify'
import { HttpClient } from '../../../src/store-testing/exchanges/http-client.ts'

export interface ServedFastify extends HttpClient {
  readonly app: FastifyInstance
  readonly origin: string
}

/** A client of an application that is served until `cleanups` are run. */
export async function serveFastify(
  build: (app: FastifyInstance) => unknown,
  cleanups: (() => unknown)[],
  options: FastifyServerOptions = {},
): Promise<ServedFastify> {
  const app: FastifyInstance = Fastify({ forceCloseConnections: true, ...options })
  // The client sends bodies without a type, of no bytes.
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null)
  })
  await build(app)
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const client = new HttpClient(origin)
  cleanups.push(
    () => app.close(),
    () => client.close(),
  )
  return Object.assign(client, { app, origin })
}

/** An instance of its own within an application. */
export function part(build: (app: FastifyInstance) => void): FastifyPluginCallback {
  return (app, _options, done) => {
    build(app)
    done()
  }
}
