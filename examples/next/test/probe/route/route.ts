import { notFound, redirect } from 'next/navigation'
import { withSession } from '../../../lib/sessions.ts'

export function GET(request: Request): Promise<Response> {
  return withSession(request, async (session) => {
    switch (new URL(request.url).searchParams.get('do')) {
      case 'redirect':
        await session.login('user-1')
        redirect('/probe')
        break
      case 'miss':
        session.append('cart', 'missed')
        notFound()
        break
      case 'throw':
        session.append('cart', 'thrown')
        throw new Error('boom')
      default:
        return Response.json(session.get('cart') ?? [])
    }
  })
}
