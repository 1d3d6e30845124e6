'use client'

import { useActionState } from 'react'
import { logIn } from '../actions.ts'

export function LoginForm({ returnTo }: { readonly returnTo: string }) {
  const [{ problem }, action] = useActionState(logIn, { problem: null })
  return (
    <form action={action}>
      {problem !== null && <p role="alert">{problem}</p>}
      <input type="hidden" name="return" value={returnTo} />
      <label>
        Name <input name="name" autoComplete="username" required />
      </label>{' '}
      <label>
        Password <input name="password" type="password" autoComplete="current-password" required />
      </label>{' '}
      <button type="submit">Log in</button>
    </form>
  )
}
