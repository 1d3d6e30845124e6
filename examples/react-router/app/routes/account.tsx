import { Link, redirect } from 'react-router'
import { nameOf } from '../accounts.server.ts'
import { sessionContext } from '../session-context.ts'
import type { Route } from './+types/account'

export function loader({ context, url }: Route.LoaderArgs) {
  const { userId } = context.get(sessionContext)
  if (userId === null) throw redirect(`/login?return=${encodeURIComponent(url.pathname)}`, 303)
  return { name: nameOf(userId) }
}

export default function Account({ loaderData }: Route.ComponentProps) {
  return (
    <>
      <title>Account</title>
      <h1>Account</h1>
      <p>Only {loaderData.name} sees this.</p>
      <p>
        <Link to="/">Shop</Link>
      </p>
    </>
  )
}
