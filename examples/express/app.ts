import { type Sessions, safeRedirectPath } from 'coatcheck'
import { requireUser, sessionErrors, sessionMiddleware } from 'coatcheck/express'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { checkPassword, nameOf } from './accounts.ts'
import { accountPage, homePage, loginPage } from './pages.ts'
import type { SessionData } from './sessions.ts'

export function createApp(sessions: Sessions<SessionData>): Express {
  const app = express()
  app.use(sessionMiddleware(sessions))
  app.use(express.urlencoded({ extended: false, limit: '10kb' }))

  app.get('/', (request, response) => {
    const session = sessions.of(request)
    response.send(homePage({ name: nameOf(session.userId), cart: session.get('cart') ?? [] }))
  })

  app.post('/cart', (request, response) => {
    const item = String(request.body?.item ?? '').slice(0, 100)
    if (item !== '') sessions.of(request).append('cart', item)
    response.redirect(303, '/')
  })

  app.get('/login', (request, response) => {
    response.send(loginPage(safeRedirectPath(request.query.return)))
  })

  app.post('/login', async (request, response) => {
    const { name = '', password = '', return: target } = request.body ?? {}
    const userId = await checkPassword(String(name), String(password))
    if (userId === null) {
      response.status(401).send(loginPage(safeRedirectPath(target), 'Wrong name or password.'))
      return
    }
    await sessions.of(request).login(userId, { methods: ['pwd'], carry: ['cart'] })
    response.redirect(303, safeRedirectPath(target))
  })

  app.post('/logout', async (request, response) => {
    await sessions.of(request).logout()
    response.redirect(303, '/')
  })

  app.get('/account', requireUser(sessions, { onMissing: '/login' }), (request, response) => {
    response.send(accountPage(nameOf(sessions.of(request).userId)))
  })

  app.get('/api/me', requireUser(sessions), (request, response) => {
    const session = sessions.of(request)
    response.json({ userId: session.userId, cart: session.get('cart') ?? [] })
  })

  app.use(sessionErrors(sessions))
  app.use(answerError)
  return app
}

/** Our errors and Express' own tell their status, and whether their message is for the client. Four parameters make it an error handler. */
const answerError: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent) return next(error)
  const { status = 500, expose = false, message, headers = {} } = error
  if (status >= 500) console.error(error)
  const title = expose ? message : 'Something went wrong.'
  response
    .status(status)
    .set(headers)
    .type('application/problem+json')
    .send(JSON.stringify({ status, title }))
}
