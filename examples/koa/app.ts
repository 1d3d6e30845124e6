import { bodyParser } from '@koa/bodyparser'
import Router from '@koa/router'
import { type Sessions, safeRedirectPath } from 'coatcheck'
import { requireUser, sessionMiddleware } from 'coatcheck/koa'
import Koa, { type Middleware } from 'koa'
import { checkPassword, nameOf } from './accounts.ts'
import { accountPage, homePage, loginPage } from './pages.ts'
import type { SessionData } from './sessions.ts'

export function createApp(sessions: Sessions<SessionData>): Koa {
  const router = new Router()

  router.get('/', (ctx) => {
    const session = sessions.of(ctx)
    ctx.body = homePage({ name: nameOf(session.userId), cart: session.get('cart') ?? [] })
  })

  router.post('/cart', (ctx) => {
    const item = String(formOf(ctx).item ?? '').slice(0, 100)
    if (item !== '') sessions.of(ctx).append('cart', item)
    ctx.status = 303
    ctx.redirect('/')
  })

  router.get('/login', (ctx) => {
    ctx.body = loginPage(safeRedirectPath(ctx.query.return))
  })

  router.post('/login', async (ctx) => {
    const { name = '', password = '', return: target } = formOf(ctx)
    const userId = await checkPassword(String(name), String(password))
    if (userId === null) {
      ctx.status = 401
      ctx.body = loginPage(safeRedirectPath(target), 'Wrong name or password.')
      return
    }
    await sessions.of(ctx).login(userId, { methods: ['pwd'], carry: ['cart'] })
    ctx.status = 303
    ctx.redirect(safeRedirectPath(target))
  })

  router.post('/logout', async (ctx) => {
    await sessions.of(ctx).logout()
    ctx.status = 303
    ctx.redirect('/')
  })

  router.get('/account', requireUser(sessions, { onMissing: '/login' }), (ctx) => {
    ctx.body = accountPage(nameOf(sessions.of(ctx).userId))
  })

  router.get('/api/me', requireUser(sessions), (ctx) => {
    const session = sessions.of(ctx)
    ctx.body = { userId: session.userId, cart: session.get('cart') ?? [] }
  })

  const app = new Koa()
  app.use(answerErrors)
  app.use(sessionMiddleware(sessions))
  app.use(bodyParser({ enableTypes: ['form'], formLimit: '10kb' }))
  app.use(router.routes())
  return app
}

/** What the body parser has read. */
function formOf({ request }: { request: { body?: unknown } }): Record<string, unknown> {
  return (request.body ?? {}) as Record<string, unknown>
}

/** Our errors and Koa's own tell their status, and whether their message is for the client. Stands before the sessions. */
const answerErrors: Middleware = async (ctx, next) => {
  try {
    await next()
  } catch (thrown) {
    const error = thrown as {
      status?: number
      expose?: boolean
      message?: string
      headers?: Record<string, string>
    }
    const { status = 500, expose = false, message, headers = {} } = error
    if (status >= 500) ctx.app.emit('error', thrown, ctx)
    ctx.status = status
    ctx.set(headers)
    ctx.body = JSON.stringify({ status, title: expose ? message : 'Something went wrong.' })
    ctx.type = 'application/problem+json'
  }
}
