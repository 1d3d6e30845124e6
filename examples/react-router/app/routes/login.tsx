import { safeRedirectPath } from 'coatcheck'
import { data, Form, redirect } from 'react-router'
import { checkPassword } from '../accounts.server.ts'
import { sessionContext } from '../session-context.ts'
import type { Route } from './+types/login'

export function loader({ request }: Route.LoaderArgs) {
  return { returnTo: safeRedirectPath(new URL(request.url).searchParams.get('return')) }
}

export async function action({ context, request }: Route.ActionArgs) {
  const form = await request.formData()
  const userId = await checkPassword(String(form.get('name')), String(form.get('password')))
  if (userId === null) return data({ problem: 'Wrong name or password.' }, { status: 401 })
  await context.get(sessionContext).login(userId, { methods: ['pwd'], carry: ['cart'] })
  return redirect(safeRedirectPath(form.get('return')), 303)
}

export default function Login({ loaderData: { returnTo }, actionData }: Route.ComponentProps) {
  return (
    <>
      <title>Log in</title>
      <h1>Log in</h1>
      <p role="alert">{actionData?.problem}</p>
      <Form method="post">
        <input type="hidden" name="return" value={returnTo} />
        <p>
          <label>
            Name <input name="name" autoComplete="username" required />
          </label>
        </p>
        <p>
          <label>
            Password <input name="password" type="password" autoComplete="current-password" required />
          </label>
        </p>
        <button type="submit">Log in</button>
      </Form>
    </>
  )
}
