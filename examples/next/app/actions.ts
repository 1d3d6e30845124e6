'use server'

import { safeRedirectPath } from 'coatcheck'
import { redirect } from 'next/navigation'
import { checkPassword } from '../lib/accounts.ts'
import { withSession } from '../lib/sessions.ts'

export async function addItem(form: FormData): Promise<void> {
  const item = String(form.get('item') ?? '').slice(0, 100)
  if (item !== '') await withSession((session) => session.append('cart', item))
  redirect('/')
}

export interface LoginState {
  readonly problem: string | null
}

export async function logIn(_state: LoginState, form: FormData): Promise<LoginState> {
  return withSession(async (session) => {
    const userId = await checkPassword(String(form.get('name')), String(form.get('password')))
    if (userId === null) return { problem: 'Wrong name or password.' }
    await session.login(userId, { methods: ['pwd'], carry: ['cart'] })
    // Within withSession or after it: either way the new cookie goes out with the redirect.
    redirect(safeRedirectPath(form.get('return')))
  })
}

export async function logOut(): Promise<void> {
  await withSession((session) => session.logout())
  redirect('/')
}
