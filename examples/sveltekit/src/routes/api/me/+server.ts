import { json } from '@sveltejs/kit'
import type { RequestHandler } from './$types'

export const GET: RequestHandler = ({ locals: { session } }) => {
  if (session.userId === null) return json({ status: 401, title: 'Sign in to do this.' }, { status: 401 })
  return json({ userId: session.userId, cart: session.get('cart') ?? [] })
}
