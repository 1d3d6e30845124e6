import Koa, { type Middleware } from 'koa'
import { HttpClient } from '../../../src/store-testing/exchanges/http-client.ts'
import { serve } from './serve.ts'

export interface ServedKoa extends HttpClient {
  readonly origin: string
  /** What the application's `error` event has told. */
  readonly errors: readonly Error[]
}

/** A client of an application that is served until `cleanups` are run. */
export async function serveKoa(
  build: (app: Koa) => unknown,
  cleanups: (() => unknown)[],
): Promise<ServedKoa> {
  const app = new Koa()
  const errors: Error[] = []
  app.on('error', (error: Error) => errors.push(error))
  build(app)
  const { origin, close } = await serve(app.callback())
  const client = new HttpClient(origin)
  cleanups.push(close, () => client.close())
  return Object.assign(client, { origin, errors })
}

/** Runs a middleware for one path and whatever method; others pass. */
export function at(path: string, middleware: Middleware): Middleware {
  return (context, next) => (context.path === path ? middleware(context, next) : next())
}

/** Error handling as applications have it: first in line, answers with the error's status and nothing of its message. */
export const answerErrors: Middleware = async (context, next) => {
  try {
    await next()
  } catch (error) {
    const { status = 500, code = 'none' } = error as { readonly status?: number; readonly code?: string }
    context.status = status
    context.body = `told ${status} ${code}`
  }
}
