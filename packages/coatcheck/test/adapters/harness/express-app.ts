import express, { type ErrorRequestHandler, type Express } from 'express'
import { HttpClient } from '../../../src/store-testing/exchanges/http-client.ts'
import { serve } from './serve.ts'

export interface Served extends HttpClient {
  readonly origin: string
}

/** A client of an application that is served until `cleanups` are run. */
export async function serveApp(build: (app: Express) => void, cleanups: (() => unknown)[]): Promise<Served> {
  const app = express()
  // Express prints errors unless it is told that it runs in a test.
  app.set('env', 'test')
  build(app)
  const { origin, close } = await serve(app)
  const client = new HttpClient(origin)
  cleanups.push(close, () => client.close())
  return Object.assign(client, { origin })
}

/** An error handler that keeps what it is told. */
export function told(errors: unknown[]): ErrorRequestHandler {
  return (error: { readonly status?: number }, _request, response, _next) => {
    errors.push(error)
    const { status = 500 } = error
    response.status(status).send(`told ${status}`)
  }
}
