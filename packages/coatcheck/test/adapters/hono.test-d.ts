import { type Context, Hono } from 'hono'
import { requireUser, sessionErrors, sessionMiddleware } from '../../src/adapters/hono.ts'
import { createSessions, type Session } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'

interface Data {
  visits: number
}

const sessions = createSessions<Data>({ store: memory() })

// Chained, `c.var.session` knows the fields of these very sessions, without augmentation.
new Hono().use(sessionMiddleware(sessions)).get('/', (c) => {
  const session: Session<Data> = c.var.session
  session.add('visits', 1)
  // @ts-expect-error the sessions have no such field
  c.get('session').get('visit')
  return c.text(String(sessions.of(c).get('visits')))
})

// Another name is typed under that name, and `session` is not there.
new Hono().get('/', sessionMiddleware(sessions, { property: 'visitor' }), (c) => {
  // @ts-expect-error the session goes by another name
  c.var.session
  return c.text(String(c.var.visitor.get('visits')))
})

// With `false` there is none.
new Hono().use(sessionMiddleware(sessions, { property: false })).get('/', (c) => {
  // @ts-expect-error the session has no name
  c.var.session
  return c.text(String(sessions.of(c.req.raw).get('visits')))
})

// Beside an environment of the application's own, whose variables stay.
interface Environment {
  Bindings: { readonly SECRET: string }
  Variables: { requestId: string }
}
new Hono<Environment>()
  .use(sessionMiddleware(sessions, { clientAddress: (c) => c.req.header('x-real-ip') }))
  .get('/', (c) => {
    return c.text(`${c.var.requestId} ${c.env.SECRET} ${c.var.session.userId}`)
  })

const app = new Hono()
app.use(
  '/account/*',
  sessionMiddleware(sessions),
  requireUser(sessions, { onMissing: '/login', fresh: '1h' }),
)
app.onError(sessionErrors(sessions, (_error, c: Context) => c.text('sorry', 500)))
// @ts-expect-error a duration is milliseconds or a number with a unit
requireUser(sessions, { fresh: '1 hour' })
