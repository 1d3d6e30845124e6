import { isCoatcheckError } from 'coatcheck'
import type { ErrorRequestHandler, Request, RequestHandler } from 'express'
import type { Html } from './html.ts'
import { SignInError } from './one-login/sign-in.ts'
import { type ErrorText, errorPage } from './pages/error-page.ts'
import type { Theme } from './preferences.ts'
import type { Shop } from './shop.ts'

export function showNotFound(shop: Shop): RequestHandler {
  return (request, response) => {
    response.status(404).send(errorPage(404, textOf(404, null), frameOf(shop, request)))
  }
}

/** Four parameters make it an error handler. Refusals are explained in plain words; anything else is nobody's business. */
export function showError(shop: Shop): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error)
      return
    }
    const status = statusOf(error)
    if (status >= 500) console.error(error)
    response.status(status)
    response.set(headersOf(error))
    response.send(errorPage(status, textOf(status, error), frameOf(shop, request)))
  }
}

/** What the session middleware and others say about an error, such as `Retry-After`. */
function headersOf(error: unknown): Record<string, string> {
  const { headers } = (error ?? {}) as { readonly headers?: unknown }
  const given = typeof headers === 'object' && headers !== null ? Object.entries(headers) : []
  return Object.fromEntries(given.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

function statusOf(error: unknown): number {
  const { status } = (error ?? {}) as { readonly status?: unknown }
  return typeof status === 'number' && status >= 400 && status <= 599 ? status : 500
}

function frameOf(shop: Shop, request: Request): { theme: Theme; panel: Html } {
  return { theme: themeOf(shop, request), panel: shop.panel.show(request) }
}

/** An error page must come out even where there is no session to ask. */
function themeOf({ sessions }: Shop, request: Request): Theme {
  try {
    return sessions.of(request).get('theme')
  } catch {
    return 'auto'
  }
}

function textOf(status: number, error: unknown): ErrorText {
  if (error instanceof SignInError) return UNFINISHED
  const byCode = isCoatcheckError(error) && error.expose ? REFUSALS[error.code] : undefined
  return byCode ?? BY_STATUS[status] ?? (status < 500 ? UNCLEAR : BROKEN)
}

/** Refusals of coatcheck, by the code of its error. */
const REFUSALS: Readonly<Record<string, ErrorText>> = {
  ERR_CSRF: {
    title: 'That was not sent from here',
    text: 'The request was refused: it did not come from a page of this shop, and another site must not act in your name. Nothing has changed.',
    advice: 'If it was you, open the page here and press the button again.',
  },
  ERR_UNAUTHENTICATED: {
    title: 'Please log in first',
    text: 'This is for signed-in guests, and you are not signed in, or not any more. Nothing has changed.',
    advice: 'Log in and do it again.',
    link: { href: '/login', text: 'To the log-in page' },
  },
  ERR_SESSION_GONE: {
    title: 'Your session has ended',
    text: 'It was ended while you were here: on another of your devices, or because its time was up. Nothing has changed.',
    advice: 'Log in and do it again.',
    link: { href: '/login', text: 'To the log-in page' },
  },
  ERR_STEP_UP_REQUIRED: {
    title: 'Please confirm that it is you',
    text: 'For this the shop wants your password again. Nothing has changed.',
    advice: 'Confirm, and do it again.',
    link: { href: '/confirm', text: 'Confirm that it is you' },
  },
  ERR_LOGIN_STALE: {
    title: 'Too late',
    text: 'All sessions of this account were ended while you were logging in, so this log-in was refused.',
    advice: 'Log in again, with the new password if it was changed.',
    link: { href: '/login', text: 'To the log-in page' },
  },
  ERR_SESSION_LIMIT: {
    title: 'Too many devices',
    text: 'This account is signed in on as many devices as it may be, so the log-in was refused.',
    advice: 'Log out on one of the others first.',
  },
  ERR_AMBIGUOUS_TOKEN: {
    title: 'Two tickets for one coat',
    text: 'The request carried two session tokens at once. The shop does not guess which one is yours and refused both.',
    advice: 'Delete the cookies of this site and try again.',
  },
  ERR_CONFLICT: {
    title: 'Somebody was faster',
    text: 'Other requests of yours kept changing the same thing, so this one was given up.',
    advice: 'Try once more.',
  },
}

const BY_STATUS: Readonly<Record<number, ErrorText>> = {
  400: { title: 'Pardon?', text: 'The request cannot be understood.', advice: 'Go back and try again.' },
  403: { title: 'Not for you', text: 'The shop refused to do that.', advice: 'Nothing has changed.' },
  404: {
    title: 'No such peg',
    text: 'There is nothing under this number. Perhaps it was never here, perhaps it is somebody else’s.',
    advice: 'Check the address, or start again at the counter.',
  },
  413: {
    title: 'That does not fit over the counter',
    text: 'What you sent is larger than anything this shop asks for.',
    advice: 'Send less.',
  },
  429: {
    title: 'One moment, please',
    text: 'That was too often in too short a time.',
    advice: 'Wait a little and try again.',
  },
  503: {
    title: 'The cloakroom is closed for a moment',
    text: 'The shop cannot look after sessions right now. Nobody was signed out, and nothing is lost.',
    advice: 'Please try again in a few seconds.',
  },
}

const UNFINISHED: ErrorText = {
  title: 'That sign-in cannot be finished',
  text: 'It was begun elsewhere, or too long ago, or the accounts server said no. Nothing has changed.',
  advice: 'Sign in once more.',
  link: { href: '/login', text: 'Sign in' },
}

const UNCLEAR: ErrorText = {
  title: 'That did not work',
  text: 'The shop could not do what was asked.',
  advice: 'Go back and try again.',
}

const BROKEN: ErrorText = {
  title: 'Something went wrong',
  text: 'It is our fault, and it was written down.',
  advice: 'Please try again in a moment.',
}
