import { redirect } from 'react-router'
import { sessionContext } from '../session-context.ts'
import type { Route } from './+types/logout'

export async function action({ context }: Route.ActionArgs) {
  await context.get(sessionContext).logout()
  return redirect('/', 303)
}
