import type { Route, Turn } from './harness.ts'

/** What nearly every case needs of an application. */
export const commonRoutes: readonly Route[] = [
  { method: 'GET', path: '/who', handle: tellWho },
  { method: 'GET', path: '/plain', handle: ({ response }) => response.end('plain') },
  {
    method: 'POST',
    path: '/login',
    async handle({ session, request, response }) {
      await session.login(request.header('x-user') ?? 'ann')
      response.end('welcome')
    },
  },
  {
    method: 'POST',
    path: '/logout',
    async handle({ session, response }) {
      await session.logout()
      response.end('bye')
    },
  },
  {
    method: 'POST',
    path: '/theme',
    handle({ session, request, response }) {
      session.set('theme', request.header('x-value') ?? 'dark')
      response.end('written')
    },
  },
]

export function tellWho({ session, response }: Turn): void {
  const { id, userId } = session
  const theme = session.get('theme')
  const notice = session.get('notice')
  const cart = session.get('cart')
  const visits = session.get('visits')
  response.header('Content-Type', 'application/json')
  response.end(JSON.stringify({ id, userId, theme, notice, cart, visits }))
}
