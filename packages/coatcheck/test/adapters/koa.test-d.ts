import Koa, { type Middleware } from 'koa'
import { requireUser, sessionMiddleware } from '../../src/adapters/koa.ts'
import { createSessions } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'

interface Data {
  visits: number
}

const sessions = createSessions<Data>({ store: memory() })
const app = new Koa()

// Koa takes them as they are, and ctx is not augmented.
app.use(sessionMiddleware(sessions))
app.use(sessionMiddleware(sessions, { property: 'visit', mode: 'read' }))
app.use(sessionMiddleware(sessions, { property: false }))
// @ts-expect-error there is no such option
sessionMiddleware(sessions, { propertty: 'visit' })
app.use((ctx) => {
  const session = sessions.of(ctx)
  // @ts-expect-error the sessions have no such field
  session.get('visit')
  ctx.body = session.get('visits')
})
app.use(requireUser(sessions, { fresh: '5m' }))
// @ts-expect-error '30 min' is no duration
requireUser(sessions, { fresh: '30 min' })

// An application that types its state and context takes them too.
interface State {
  readonly user: string
}
const typed = new Koa<State, { readonly log: (line: string) => void }>()
typed.use(sessionMiddleware(sessions)).use(requireUser(sessions))
typed.use((ctx) => {
  ctx.log(`${ctx.state.user} ${sessions.of(ctx).userId}`)
})

export const fits: Middleware = sessionMiddleware(sessions)
