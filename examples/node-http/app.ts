import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { AccessError, DataError, type Session, type Sessions, safeRedirectPath } from 'coatcheck'
import { withSession } from 'coatcheck/node'
import { checkPassword, nameOf } from './accounts.ts'
import { accountPage, homePage, loginPage } from './pages.ts'
import type { SessionData } from './sessions.ts'

interface Visit {
  readonly session: Session<SessionData>
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly query: URLSearchParams
}

export function createApp(sessions: Sessions<SessionData>): RequestListener {
  return (request, response) =>
    withSession(sessions, request, response, (session) => {
      const [path, query] = (request.url ?? '').split('?', 2)
      const handler = ROUTES[`${request.method} ${path}`] ?? notFound
      return handler({ session, request, response, query: new URLSearchParams(query) })
    })
}

const ROUTES: Record<string, (visit: Visit) => unknown> = {
  'GET /'({ session, response }) {
    sendPage(response, homePage({ name: nameOf(session.userId), cart: session.get('cart') ?? [] }))
  },

  async 'POST /cart'({ session, request, response }) {
    const item = (await readForm(request)).get('item')?.slice(0, 100)
    if (item) session.append('cart', item)
    redirect(response, '/')
  },

  'GET /login'({ response, query }) {
    sendPage(response, loginPage(safeRedirectPath(query.get('return'))))
  },

  async 'POST /login'({ session, request, response }) {
    const form = await readForm(request)
    const target = safeRedirectPath(form.get('return'))
    const userId = await checkPassword(form.get('name') ?? '', form.get('password') ?? '')
    if (userId === null) return sendPage(response, loginPage(target, 'Wrong name or password.'), 401)
    await session.login(userId, { methods: ['pwd'], carry: ['cart'] })
    redirect(response, target)
  },

  async 'POST /logout'({ session, response }) {
    await session.logout()
    redirect(response, '/')
  },

  'GET /account'({ session, response }) {
    if (session.userId === null) return redirect(response, '/login?return=%2Faccount')
    sendPage(response, accountPage(nameOf(session.userId)))
  },

  'GET /api/me'({ session, response }) {
    if (session.userId === null) throw new AccessError('ERR_UNAUTHENTICATED', 'Sign in to do this.')
    const me = { userId: session.userId, cart: session.get('cart') ?? [] }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(me))
  },
}

function notFound({ response }: Visit): void {
  sendPage(response, 'There is nothing here.', 404)
}

function sendPage(response: ServerResponse, page: string, status = 200): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(page)
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { location }).end()
}

/** A posted form of at most 10 kB. */
async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk
    if (text.length > 10_000) throw new DataError('ERR_DATA_TOO_LARGE', 'The form is too long.')
  }
  return new URLSearchParams(text)
}
