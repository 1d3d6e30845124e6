import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { Authority } from '../authority.ts'
import type { NodeHandler } from './listeners.ts'

/** Everything on the public listener. */
export function publicApp(_authority: Authority): NodeHandler {
  const app = new Hono()
  return getRequestListener(app.fetch)
}
