import { randomBytes } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import express from 'express'
import { BODY, SAMPLE } from '../fixture.ts'
import type { Framework, Mode } from './mode.ts'

/** Answer without looking at the cookie that comes along: what the others are compared with, and a second one of each. */
export const bareModes: readonly Mode[] = [
  bare('bare', 'node:http'),
  bare('control', 'node:http'),
  bare('bare', 'Express'),
  bare('control', 'Express'),
]

function bare(kind: 'bare' | 'control', framework: Framework): Mode {
  return {
    name: kind === 'bare' ? `${framework}, cookie never read` : `control: the same again, ${framework}`,
    kind,
    framework,
    async start() {
      const listener = framework === 'Express' ? expressApp() : plainListener
      return { server: createServer(listener), requests: Array.from({ length: SAMPLE }, unreadCookie) }
    },
  }
}

function plainListener(...[, response]: Parameters<RequestListener>): void {
  response.setHeader('content-type', 'text/plain')
  response.end(BODY)
}

function expressApp(): RequestListener {
  const app = express().disable('x-powered-by').disable('etag')
  app.get('/', (_request, response) => {
    response.type('text/plain').send(BODY)
  })
  return app
}

/** As long as a session cookie of ours. */
function unreadCookie() {
  return { cookie: `__Host-sid=${randomBytes(51).toString('base64url')}` }
}
