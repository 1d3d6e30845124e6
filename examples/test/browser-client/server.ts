import { createSessions, sessionStatus } from 'coatcheck'
import { peekSession, withSession } from 'coatcheck/fetch'
import { memory } from 'coatcheck/memory'

export const sessions = createSessions<{ orders: number }>({ store: memory(), expiresHeader: true })

export async function handle(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  if (pathname === '/api/session') {
    // peek: that a page asks how long it may stay is no activity.
    const status = sessionStatus(await peekSession(sessions, request))
    return Response.json(status, { headers: { 'cache-control': 'no-store' } })
  }
  return withSession(sessions, request, async (session) => {
    const route = `${request.method} ${pathname}`
    if (route === 'POST /api/login') await session.login('user-1', { methods: ['pwd'] })
    else if (route === 'POST /api/logout') await session.logout()
    else if (session.userId === null) return new Response(null, { status: 401 })
    else if (route === 'POST /api/orders') session.add('orders', 1)
    return Response.json({ orders: session.get('orders') ?? 0 })
  })
}
