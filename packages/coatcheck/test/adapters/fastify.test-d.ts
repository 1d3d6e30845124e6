import Fastify, { type FastifyInstance } from 'fastify'
import { requireUser, sessionPlugin } from '../../src/adapters/fastify.ts'
import { createSessions, type Session } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'

interface Data {
  visits: number
}

const sessions = createSessions<Data>({ store: memory() })
const app = Fastify()

// The sessions of any application are taken, with the options of the plugin and those of register.
app.register(sessionPlugin, { sessions })
app.register(sessionPlugin, { sessions, property: 'visit', mode: 'read', hook: 'preValidation' })
app.register(sessionPlugin, { sessions, property: false, prefix: '/part' })
// @ts-expect-error the hooks that come later see what has been written already
app.register(sessionPlugin, { sessions, hook: 'onSend' })

// Fastify's request is not augmented: that would collide with other plugins.
app.get('/', async (request) => {
  // @ts-expect-error the property is not typed; sessions.of(request) is
  request.session
  const session = sessions.of(request)
  // @ts-expect-error the sessions have no such field
  session.get('visit')
  const decorated = request.getDecorator<Session<Data>>('session')
  return { visits: session.get('visits'), same: decorated.get('visits') }
})

// The guard goes before routes of every shape, at every hook that it is meant for.
const guard = requireUser(sessions, { fresh: '5m' })
app.get<{ Params: { id: string }; Querystring: { page: number } }>(
  '/orders/:id',
  { onRequest: guard, preHandler: [guard] },
  async (request) => request.params.id,
)
app.addHook('preValidation', guard)
app.addHook('preHandler', requireUser(sessions))
// @ts-expect-error '30 min' is no duration
requireUser(sessions, { fresh: '30 min' })

// Servers of other protocols take both.
const secure = Fastify({ http2: true, https: { key: '', cert: '' } })
secure.register(sessionPlugin, { sessions })
secure.get('/', { preHandler: guard }, async (request) => sessions.of(request).userId)

export const fits: FastifyInstance = app
