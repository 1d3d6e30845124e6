import { type Sessions, safeRedirectPath } from 'coatcheck'
import { requireUser, sessionErrors, sessionMiddleware } from 'coatcheck/hono'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { checkPassword, nameOf } from './accounts.ts'
import { accountPage, homePage, loginPage } from './pages.ts'
import type { SessionData } from './sessions.ts'

export function createApp(sessions: Sessions<SessionData>) {
  const app = new Hono()
    .use(sessionMiddleware(sessions))
    .use(bodyLimit({ maxSize: 10_000 }))

    .get('/', (c) => {
      const { session } = c.var
      return c.html(homePage({ name: nameOf(session.userId), cart: session.get('cart') ?? [] }))
    })

    .post('/cart', async (c) => {
      const { item = '' } = await c.req.parseBody()
      if (item !== '') c.var.session.append('cart', String(item).slice(0, 100))
      return c.redirect('/', 303)
    })

    .get('/login', (c) => c.html(loginPage(safeRedirectPath(c.req.query('return')))))

    .post('/login', async (c) => {
      const { name = '', password = '', return: target } = await c.req.parseBody()
      const userId = await checkPassword(String(name), String(password))
      if (userId === null) {
        return c.html(loginPage(safeRedirectPath(target), 'Wrong name or password.'), 401)
      }
      await c.var.session.login(userId, { methods: ['pwd'], carry: ['cart'] })
      return c.redirect(safeRedirectPath(target), 303)
    })

    .post('/logout', async (c) => {
      await c.var.session.logout()
      return c.redirect('/', 303)
    })

    .get('/account', requireUser(sessions, { onMissing: '/login' }), (c) =>
      c.html(accountPage(nameOf(c.var.session.userId))),
    )

    .get('/api/me', requireUser(sessions), (c) => {
      const { session } = c.var
      return c.json({ userId: session.userId, cart: session.get('cart') ?? [] })
    })

  app.onError(sessionErrors(sessions))
  return app
}
