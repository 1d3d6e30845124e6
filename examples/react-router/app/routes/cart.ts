import { redirect } from 'react-router'
import { sessionContext } from '../session-context.ts'
import type { Route } from './+types/cart'

export async function action({ context, request }: Route.ActionArgs) {
  const item = String((await request.formData()).get('item') ?? '').slice(0, 100)
  if (item !== '') context.get(sessionContext).append('cart', item)
  return redirect('/', 303)
}
