import { createServer } from 'node:http'
import express from 'express'
import type { Mode } from './mode.ts'

const headers = { cookie: `__Host-sid=${'A'.repeat(68)}` }

/** Answers without looking at the cookie: what the others are compared with. */
export const bareModes: readonly Mode[] = [
  {
    name: 'node:http, cookie never read',
    baseline: 'node:http',
    isBaseline: true,
    async start() {
      const server = createServer((_request, response) => {
        response.setHeader('content-type', 'text/plain')
        response.end('hello user-1')
      })
      return { server, requests: [headers] }
    },
  },
  {
    name: 'Express 5, cookie never read',
    baseline: 'Express',
    isBaseline: true,
    async start() {
      const app = express().disable('x-powered-by').disable('etag')
      app.get('/', (_request, response) => {
        response.type('text/plain').send('hello user-1')
      })
      return { server: createServer(app), requests: [headers] }
    },
  },
]
