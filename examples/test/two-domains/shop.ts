import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createHandOff, type Departure, type Sessions } from 'coatcheck'
import { withSession } from 'coatcheck/node'

export interface Addresses {
  /** Where users log in, such as `https://shop.example`. */
  readonly shop: string
  /** Another registrable domain of the same owner, such as `https://other.test`. */
  readonly other: string
}

/** The site where users log in. It tells the other one who they are. */
export function createShop(sessions: Sessions<object>, { shop, other }: Addresses): RequestListener {
  const handOff = createHandOff(sessions, { callback: `${shop}/hand-off`, sites: [`${other}/hand-off`] })

  return (request, response) =>
    withSession(sessions, request, response, async (session) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', shop)
      switch (`${request.method} ${pathname}`) {
        case 'POST /login':
          await session.login('ada')
          return response.writeHead(303, { location: '/' }).end()
        case 'POST /logout':
          await session.logout()
          return response.writeHead(303, { location: '/' }).end()
        case 'GET /hand-off/issue': {
          const issued = await handOff.issue(session, {
            to: searchParams.get('to'),
            challenge: searchParams.get('challenge'),
          })
          if (issued.ok) return depart(response, issued)
          // A real shop shows its login form first and comes back here.
          return response
            .writeHead(issued.reason === 'anonymous' ? 401 : 400)
            .end('Log in at the shop first.')
        }
        default:
          return showPage(request, response, session.userId)
      }
    })
}

/** Sends the browser on, with what a hand-off says belongs to that. */
export function depart(response: ServerResponse, { location, setCookies, headers }: Departure): void {
  response.setHeaders(new Map(Object.entries(headers)))
  response.appendHeader('Set-Cookie', setCookies)
  response.writeHead(303, { location }).end()
}

export function showPage(request: IncomingMessage, response: ServerResponse, userId: string | null): void {
  response.setHeader('content-type', 'text/html; charset=utf-8')
  response.end(`<title>${request.headers.host}</title><p>${userId ?? 'nobody'}</p>
    <form method="post" action="/login"><button>Log in</button></form>
    <form method="post" action="/logout"><button>Log out</button></form>`)
}
