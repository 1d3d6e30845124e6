import { safeRedirectPath } from 'coatcheck'
import { LoginForm } from './login-form.tsx'

interface Props {
  readonly searchParams: Promise<{ readonly return?: string | string[] }>
}

export default async function Login({ searchParams }: Props) {
  const { return: target } = await searchParams
  return (
    <main>
      <h1>Log in</h1>
      <p>Try ada with the password analytical-engine, or grace with first-compiler.</p>
      <LoginForm returnTo={safeRedirectPath(target)} />
    </main>
  )
}
