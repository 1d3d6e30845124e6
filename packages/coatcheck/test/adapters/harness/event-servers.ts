import { createAdaptorServer } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { sessionMiddleware as forExpress } from '../../../src/adapters/express.ts'
import { sessionPlugin } from '../../../src/adapters/fastify.ts'
import { withSession as withFetchSession } from '../../../src/adapters/fetch.ts'
import { sessionMiddleware as forHono } from '../../../src/adapters/hono.ts'
import { sessionMiddleware as forKoa } from '../../../src/adapters/koa.ts'
import { nextSessions } from '../../../src/adapters/next.ts'
import { sendEventStream, withSession } from '../../../src/adapters/node.ts'
import {
  createEventStream,
  type EventStream,
  type EventStreamOptions,
  eventStreamResponse,
  type Session,
  type Sessions,
} from '../../../src/index.ts'
import type { ServedOrigin } from '../../../src/store-testing/exchanges/harness.ts'
import { listen, serve } from './serve.ts'
import type { ShopData } from './shop.ts'

export interface EventApplication {
  readonly sessions: Sessions<ShopData>
  readonly options: EventStreamOptions
  /** Streams in the order in which they were asked for. */
  readonly streams: EventStream[]
}

type Start = (application: EventApplication) => Promise<ServedOrigin>
type Handler = (session: Session<ShopData>) => Response

/** Every way of sending an event stream. */
export const EVENT_SERVERS: readonly (readonly [string, Start])[] = [
  [
    'node:http',
    ({ sessions, ...rest }) =>
      serve((request, response) => {
        void withSession(sessions, request, response, (session) => {
          sendEventStream(sessions, open({ sessions, ...rest }, session), response)
        })
      }),
  ],
  [
    'Express',
    (application) => {
      const { sessions } = application
      const app = express().use(forExpress(sessions))
      app.get('/events', (request, response) => {
        sendEventStream(sessions, open(application, sessions.of(request)), response)
      })
      return serve(app)
    },
  ],
  [
    'Koa',
    (application) => {
      const { sessions } = application
      const app = new Koa().use(forKoa(sessions)).use((context) => {
        context.body = respond(application)(sessions.of(context))
      })
      app.silent = true
      return serve(app.callback())
    },
  ],
  ['Fastify', startFastify],
  [
    'Hono',
    (application) => {
      const app = new Hono().use(forHono(application.sessions))
      app.get('/events', (c) => respond(application)(application.sessions.of(c)))
      return listen(createAdaptorServer({ fetch: app.fetch }))
    },
  ],
  [
    'Fetch',
    (application) =>
      serveFetch((request) => withFetchSession(application.sessions, request, respond(application))),
  ],
  [
    'Next',
    (application) => {
      const { withSession } = nextSessions(application.sessions)
      return serveFetch((request) => withSession(request, respond(application)) as Promise<Response>)
    },
  ],
]

function open({ sessions, options, streams }: EventApplication, session: Session<ShopData>): EventStream {
  const stream = createEventStream(sessions, session, options)
  greet(streams, stream, session)
  return stream
}

function respond({ sessions, options, streams }: EventApplication): Handler {
  return (session) =>
    eventStreamResponse(sessions, session, (stream) => greet(streams, stream, session), options)
}

function greet(streams: EventStream[], stream: EventStream, session: Session<ShopData>): void {
  streams.push(stream)
  stream.send({ event: 'hello', data: session.userId ?? 'nobody' })
}

async function startFastify(application: EventApplication): Promise<ServedOrigin> {
  const { sessions } = application
  const app = Fastify({ forceCloseConnections: true })
  await app.register(sessionPlugin, { sessions })
  app.get('/events', (request) => respond(application)(sessions.of(request)))
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  return { origin, close: () => app.close() }
}

/** What goes by `Request` and `Response` alone, on Hono's bridge. */
function serveFetch(fetch: (request: Request) => Promise<Response>): Promise<ServedOrigin> {
  return listen(createAdaptorServer({ fetch }))
}
