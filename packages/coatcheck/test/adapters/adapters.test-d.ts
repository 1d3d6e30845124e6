import express from 'express'
import type { requireUser, sessionErrors } from '../../src/adapters/express.ts'
import { sessionMiddleware } from '../../src/adapters/express.ts'
import { openSession, withSession as withFetchSession } from '../../src/adapters/fetch.ts'
import { openUpgrade, withSession } from '../../src/adapters/node.ts'
import { createSessions, type Session } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'

interface Data {
  visits: number
}

const sessions = createSessions<Data>({ store: memory() })
declare const request: import('node:http').IncomingMessage
declare const response: import('node:http').ServerResponse

// The session that a handler gets knows the fields of these very sessions.
void withSession(sessions, request, response, (session) => {
  session.add('visits', 1)
  // @ts-expect-error the sessions have no such field
  session.get('visit')
})
void withFetchSession(sessions, new Request('https://shop.example'), (session: Session<Data>) => {
  return new Response(String(session.get('visits')))
})

// @ts-expect-error a handler of fetch has to answer with a response
void withFetchSession(sessions, new Request('https://shop.example'), () => 'text')

// `finish` and `session` may be taken off.
export async function takenOff(): Promise<Response> {
  const { session, finish } = await openSession(sessions, new Request('https://shop.example'))
  return finish(new Response(session.userId))
}

// An upgrade that was refused has no session.
export async function upgraded(): Promise<string | null> {
  const upgrade = await openUpgrade(sessions, request)
  // @ts-expect-error it may have been refused
  upgrade.session
  return upgrade.ok ? upgrade.session.userId : upgrade.reason
}

// Express takes them as they are, and its request type is not augmented: that would collide with other libraries.
const app = express()
app.use(sessionMiddleware(sessions))
app.get('/', (incoming, outgoing) => {
  // @ts-expect-error the property is not typed; sessions.of(request) is
  incoming.session
  outgoing.send(String(sessions.of(incoming).get('visits')))
})
export type Middleware = Parameters<typeof requireUser<Data>>[0] | Parameters<typeof sessionErrors<Data>>[0]
