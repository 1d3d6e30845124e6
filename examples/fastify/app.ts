import formbody from '@fastify/formbody'
import { type Sessions, safeRedirectPath } from 'coatcheck'
import { requireUser, sessionPlugin } from 'coatcheck/fastify'
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import { checkPassword, nameOf } from './accounts.ts'
import { accountPage, homePage, loginPage } from './pages.ts'
import type { SessionData } from './sessions.ts'

export async function createApp(sessions: Sessions<SessionData>): Promise<FastifyInstance> {
  const app = Fastify()
  app.setErrorHandler(answerError)
  await app.register(sessionPlugin, { sessions })
  await app.register(formbody, { bodyLimit: 10_000 })

  app.get('/', async (request, reply) => {
    const session = sessions.of(request)
    const page = homePage({ name: nameOf(session.userId), cart: session.get('cart') ?? [] })
    return reply.type('text/html').send(page)
  })

  app.post<{ Body?: Record<string, unknown> }>('/cart', async (request, reply) => {
    const item = String(request.body?.item ?? '').slice(0, 100)
    if (item !== '') sessions.of(request).append('cart', item)
    return reply.redirect('/', 303)
  })

  app.get<{ Querystring: Record<string, unknown> }>('/login', async (request, reply) =>
    reply.type('text/html').send(loginPage(safeRedirectPath(request.query.return))),
  )

  app.post<{ Body?: Record<string, unknown> }>('/login', async (request, reply) => {
    const { name = '', password = '', return: target } = request.body ?? {}
    const userId = await checkPassword(String(name), String(password))
    if (userId === null) {
      const page = loginPage(safeRedirectPath(target), 'Wrong name or password.')
      return reply.code(401).type('text/html').send(page)
    }
    await sessions.of(request).login(userId, { methods: ['pwd'], carry: ['cart'] })
    return reply.redirect(safeRedirectPath(target), 303)
  })

  app.post('/logout', async (request, reply) => {
    await sessions.of(request).logout()
    return reply.redirect('/', 303)
  })

  const forBrowsers = requireUser(sessions, { onMissing: '/login' })
  app.get('/account', { preHandler: forBrowsers }, async (request, reply) =>
    reply.type('text/html').send(accountPage(nameOf(sessions.of(request).userId))),
  )

  app.get('/api/me', { preHandler: requireUser(sessions) }, async (request) => {
    const session = sessions.of(request)
    return { userId: session.userId, cart: session.get('cart') ?? [] }
  })

  return app
}

/** Fastify's own handler would tell the client the message of every error. Ours bring headers that belong to them. */
function answerError(
  error: FastifyError & { headers?: Record<string, string> },
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { statusCode: status = 500, headers = {}, message } = error
  if (status >= 500) request.log.error(error)
  const title = status < 500 ? message : 'Something went wrong.'
  const body = JSON.stringify({ status, title })
  return reply.code(status).headers(headers).type('application/problem+json').send(body)
}
