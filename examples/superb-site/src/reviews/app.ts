import { fileURLToPath } from 'node:url'
import { isCoatcheckError } from 'coatcheck'
import { sessionErrors, sessionMiddleware } from 'coatcheck/express'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { SignInError } from '../one-login/sign-in.ts'
import { pageHeaders } from '../page-headers.ts'
import { apiRoutes } from './api-routes.ts'
import { pageRoutes } from './page-routes.ts'
import { errorPage } from './pages/message-page.ts'
import type { ReviewsParts } from './parts.ts'

/** The second application: pages for people, whose sessions are its own, and an API for other applications. */
export function createReviewsApp(parts: ReviewsParts): Express {
  const { sessions, signIn, addresses } = parts
  const app = express()
  app.disable('x-powered-by')
  app.use(pageHeaders(addresses.accounts))
  for (const directory of ['../../public-reviews', '../../public']) {
    app.use(express.static(fileURLToPath(new URL(directory, import.meta.url)), { index: false }))
  }
  app.use('/api', apiRoutes(parts))
  app.use(signIn.notices)
  app.use(sessionMiddleware(sessions))
  app.use(express.urlencoded({ extended: false, limit: '10kb' }))
  app.use(signIn.routes)
  app.use(pageRoutes(parts))
  app.use((_request, response) => void response.status(404).send(errorPage(404, TEXTS.missing)))
  app.use(sessionErrors(sessions))
  app.use(showError)
  return app
}

const TEXTS = {
  missing: { title: 'No such peg', text: 'There is nothing under this number.' },
  foreign: {
    title: 'That was not sent from here',
    text: 'Another site must not act in your name. Nothing has changed.',
  },
  signIn: {
    title: 'That sign-in cannot be finished',
    text: 'It was begun elsewhere, or too long ago. Sign in once more.',
  },
  unclear: { title: 'That did not work', text: 'The request was refused. Nothing has changed.' },
  broken: {
    title: 'Something went wrong',
    text: 'It is our fault, and it was written down. Please try again in a moment.',
  },
} as const

/** Four parameters make it an error handler. */
const showError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) return next(error)
  const { status: given = 500 } = Object(error) as { readonly status?: number }
  const status = given >= 400 && given <= 599 ? given : 500
  if (status >= 500) console.error(error)
  response.status(status).send(errorPage(status, textOf(error, status)))
}

function textOf(error: unknown, status: number): { readonly title: string; readonly text: string } {
  if (error instanceof SignInError) return TEXTS.signIn
  if (isCoatcheckError(error) && error.code === 'ERR_CSRF') return TEXTS.foreign
  return status >= 500 ? TEXTS.broken : TEXTS.unclear
}
