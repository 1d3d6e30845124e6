import { withSession } from '../../../lib/sessions.ts'

export function GET(request: Request): Promise<Response> {
  return withSession(request, (session) => {
    const { userId } = session
    if (userId === null) return Response.json({ status: 401, title: 'Sign in to do this.' }, { status: 401 })
    return Response.json({ userId, cart: session.get('cart') ?? [] })
  })
}
