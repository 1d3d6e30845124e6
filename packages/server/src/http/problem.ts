import type { ServerResponse } from 'node:http'
import { contentSecurityPolicy, DataError, isCoatcheckError, securityHeaders } from 'coatcheck'
import type { Context, ErrorHandler, MiddlewareHandler, NotFoundHandler } from 'hono'
import type { Authority } from '../authority.ts'
import { DatabaseError } from '../storage/database.ts'

/** What went wrong, as told over HTTP (RFC 9457). Nothing in it may come from a credential, a foreign error or the store (HDR-07). */
export interface Problem {
  readonly status: number
  /** Stable, for programs: `invalid-request`, or a code of the library's, `ERR_CSRF`. */
  readonly code: string
  /** One sentence for people. */
  readonly detail?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Further members of the body. */
  readonly more?: Readonly<Record<string, unknown>>
}

/** Thrown by handlers of APIs: answered as the problem that it carries. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail ?? problem.code)
    this.problem = problem
  }
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

/** Nothing to be run, framed, kept or read by other sites (HDR-03, HDR-06, HDR-09). */
const API_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  ...securityHeaders({
    hsts: false,
    contentSecurityPolicy: contentSecurityPolicy({
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'none'"],
        'style-src': ["'none'"],
        'img-src': ["'none'"],
        'form-action': ["'none'"],
        sandbox: [],
      },
    }),
  }),
  'cache-control': 'no-store',
})

/** Headers of every answer of an API. */
export function apiHeaders({ settings }: Pick<Authority, 'settings'>): Readonly<Record<string, string>> {
  const hsts = securityHeaders()['strict-transport-security']
  if (settings.publicUrl.protocol !== 'https:' || hsts === undefined) return API_HEADERS
  return { 'strict-transport-security': hsts, ...API_HEADERS }
}

const PROBLEM_HEADERS = { ...API_HEADERS, 'content-type': 'application/problem+json; charset=utf-8' }

/** The body of a problem. */
export function problemBody({ status, code, detail, more }: Problem): string {
  const title = TITLES[status] ?? 'Error'
  return JSON.stringify({ type: 'about:blank', title, status, code, ...(detail && { detail }), ...more })
}

/** A problem as a `Response`. */
export function problemResponse(problem: Problem): Response {
  return new Response(problemBody(problem), {
    status: problem.status,
    headers: { ...PROBLEM_HEADERS, ...problem.headers },
  })
}

/** A problem on a response of Node's own, beside the headers that are set already. */
export function sendProblem(response: ServerResponse, problem: Problem): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(problem.status, { ...PROBLEM_HEADERS, ...problem.headers })
  response.end(problemBody(problem))
}

/** What a client is told of an error; `null`: nothing, it is a fault of ours, to be logged and answered with a bare 500. */
export function toProblem(error: unknown): Problem | null {
  if (error instanceof ProblemError) return error.problem
  if (error instanceof DatabaseError) return UNAVAILABLE
  if (!isCoatcheckError(error)) return null
  if (error instanceof DataError && error.status === 500) {
    return { status: 422, code: error.code, detail: error.message }
  }
  if (error.status === 500) return null
  if (!error.expose) return { ...UNAVAILABLE, status: error.status, code: error.code }
  const headers = 'responseHeaders' in error ? (error.responseHeaders as Record<string, string>) : {}
  return { status: error.status, code: error.code, detail: error.message, headers }
}

const UNAVAILABLE: Problem = {
  status: 503,
  code: 'unavailable',
  detail: 'A part that this needs does not answer; come back later.',
  headers: { 'retry-after': '5' },
}

export const INTERNAL: Problem = { status: 500, code: 'internal', detail: 'Something went wrong here.' }

/** For `app.onError` of APIs. */
export function problemHandler({ log }: Pick<Authority, 'log'>): ErrorHandler {
  return (error, c) => {
    const problem = toProblem(error)
    // Stores report their own failures.
    if (problem === null || error instanceof DatabaseError)
      log.error({ err: error, path: c.req.routePath }, 'request failed')
    return problemResponse(problem ?? INTERNAL)
  }
}

/** For `app.notFound` of APIs. */
export const problemNotFound: NotFoundHandler = () => problemResponse(NOT_FOUND)

export const NOT_FOUND: Problem = { status: 404, code: 'not-found', detail: 'There is nothing here.' }

/**
 * The rules of every API: its headers on each answer, errors too, and no answer for what a browser loads as a document,
 * script, image and so on (HDR-09).
 */
export function apiMiddleware(authority: Pick<Authority, 'settings'>): MiddlewareHandler {
  const headers = Object.entries(apiHeaders(authority))
  return async (c: Context, next) => {
    if (isLoadedByPage(c.req.header('sec-fetch-dest'))) c.res = problemResponse(NOT_FOR_PAGES)
    else await next()
    for (const [name, value] of headers) c.res.headers.set(name, value)
  }
}

/** Whether a browser asks for it as anything but `fetch`. */
export function isLoadedByPage(destination: string | undefined): boolean {
  return destination !== undefined && destination !== 'empty'
}

export const NOT_FOR_PAGES: Problem = {
  status: 403,
  code: 'not-for-pages',
  detail: 'This is for programs, not to be opened or loaded by a page.',
}
