import { sessionContext } from '../session-context.ts'
import type { Route } from './+types/api-me'

export function loader({ context }: Route.LoaderArgs) {
  const session = context.get(sessionContext)
  if (session.userId === null) {
    return Response.json({ status: 401, title: 'Sign in to do this.' }, { status: 401 })
  }
  return Response.json({ userId: session.userId, cart: session.get('cart') ?? [] })
}
