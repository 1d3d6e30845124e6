import Link from 'next/link'
import { nameOf } from '../../lib/accounts.ts'
import { requireUser } from '../../lib/sessions.ts'

export default async function Account() {
  const session = await requireUser({ onMissing: '/login', returnTo: '/account' })
  return (
    <main>
      <h1>Account of {nameOf(session.userId)}</h1>
      <p>
        <Link href="/">Shop</Link>
      </p>
    </main>
  )
}
