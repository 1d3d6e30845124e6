import type { RequestListener } from 'node:http'
import { createHandOff, type Sessions } from 'coatcheck'
import { withSession } from 'coatcheck/node'
import { type Addresses, depart, showPage } from './shop.ts'

/** The second domain. It has a session of its own for each user, which begins and ends with the one at the shop. */
export function createOther(sessions: Sessions<object>, { shop, other }: Addresses): RequestListener {
  const handOff = createHandOff(sessions, { callback: `${other}/hand-off`, sites: [`${shop}/hand-off`] })
  const begin = (returnTo: string | undefined) => handOff.begin({ at: `${shop}/hand-off/issue`, returnTo })

  return (request, response) =>
    withSession(sessions, request, response, async (session) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', other)
      switch (`${request.method} ${pathname}`) {
        case 'GET /account':
          if (session.userId === null) return depart(response, begin(request.url))
          return showPage(request, response, session.userId)
        case 'GET /hand-off': {
          const received = await handOff.receive(session, {
            code: searchParams.get('code'),
            state: searchParams.get('state'),
            cookie: request.headers.cookie,
          })
          if (received.ok) return depart(response, received)
          response.appendHeader('Set-Cookie', received.setCookies)
          return response.writeHead(400, { ...received.headers }).end('This link is good no more.')
        }
        case 'POST /logout':
          await session.logout()
          return response.writeHead(303, { location: '/' }).end()
        default:
          return showPage(request, response, session.userId)
      }
    })
}
