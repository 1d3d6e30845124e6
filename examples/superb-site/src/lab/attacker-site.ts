import { fileURLToPath } from 'node:url'
import { type Request, type RequestHandler, type Response, Router } from 'express'
import { framePage, loginPage, prizePage } from './attacker-pages.ts'
import type { LabGuests } from './lab-guests.ts'

const HOST = 'attacker.localhost'
const STYLE = fileURLToPath(new URL('../../public/lab.attacker.css', import.meta.url))

/**
 * Another site, as far as browsers are concerned: each name under `localhost` is a site of its own. It answers every
 * request for its host and passes on no other. It stands before the session middleware and has no session, no cookie of
 * the shop's and no header that protects it; all it knows is the password of the attacker's own account.
 */
export function attackerSite(guests: LabGuests): RequestHandler {
  const site = Router()
  site.get('/style.css', (_request, response) => response.sendFile(STYLE))
  site.get('/prize', (request, response) => send(response, prizePage(shopOf(request))))
  site.get('/frame', (request, response) => send(response, framePage(shopOf(request))))
  site.get('/login', async (request, response) =>
    send(response, loginPage(shopOf(request), await guests.mallory())),
  )
  site.use((_request, response) => {
    response.status(404).type('text/plain').send('The attacker has no such page.')
  })
  return (request, response, next) => {
    if (hostnameOf(request) === HOST) site(request, response, next)
    else next()
  }
}

/** Makes links to the attacker's pages, which attack the shop that this request came to; `null` where that is not on the reader's machine. */
export function linksToAttacker(request: Request): ((path: string) => string) | null {
  const { host = '' } = request.headers
  if (!isLocal(host)) return null
  const port = /:\d+$/.exec(host)?.[0] ?? ''
  return (path) => `http://${HOST}${port}${path}?shop=${encodeURIComponent(host)}`
}

/** The shop that the page attacks: on this machine, whatever the query says. */
function shopOf(request: Request): string {
  const { shop } = request.query
  const port = /:\d+$/.exec(request.headers.host ?? '')?.[0] ?? ''
  return `http://${typeof shop === 'string' && isLocal(shop) ? shop : `localhost${port}`}`
}

function isLocal(host: string): boolean {
  return /^(?:(?:[a-z\d-]+\.)*localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i.test(host)
}

function hostnameOf(request: Request): string {
  return (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
}

/** Also tries to toss a cookie over the fence. Browsers drop it: `__Host-` and a `Domain` exclude each other. */
function send(response: Response, page: string): void {
  response.setHeader('set-cookie', '__Host-sid=tossed; Domain=localhost; Path=/; Secure')
  response.setHeader('cache-control', 'no-store')
  response.send(page)
}
