import { Hono } from 'hono'
import type { Authority } from '../authority.ts'
import { apiHeaders } from '../http/problem.ts'
import { createReadiness } from './readiness.ts'

/** Version 0.0.4 of Prometheus' text format. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** `/metrics`, `/healthz` and `/readyz`, for the admin listener alone (AUD-08). They need no credential and say nothing about anybody. */
export function operationsRoutes(authority: Authority): Hono {
  const readiness = createReadiness(authority)
  const headers = Object.entries(apiHeaders(authority))
  const app = new Hono()
  // An operator may open them in a browser, which `apiMiddleware` does not let.
  for (const path of ['/metrics', '/healthz', '/readyz']) {
    app.use(path, async (c, next) => {
      await next()
      for (const [name, value] of headers) c.res.headers.set(name, value)
    })
  }
  app.get('/metrics', async (c) =>
    c.body(await authority.metrics.text(), 200, { 'content-type': METRICS_TYPE }),
  )
  app.get('/healthz', (c) => c.text('ok\n'))
  app.get('/readyz', async (c) => {
    const { ready, checks } = await readiness()
    return c.json({ status: ready ? 'ready' : 'not ready', checks }, ready ? 200 : 503)
  })
  return app
}
