import { fail, redirect } from '@sveltejs/kit'
import { safeRedirectPath } from 'coatcheck'
import { checkPassword } from '$lib/server/accounts'
import type { Actions, PageServerLoad } from './$types'

export const load: PageServerLoad = ({ url }) => ({
  returnTo: safeRedirectPath(url.searchParams.get('return')),
})

export const actions: Actions = {
  async default({ locals: { session }, request }) {
    const form = await request.formData()
    const userId = await checkPassword(String(form.get('name')), String(form.get('password')))
    if (userId === null) return fail(401, { problem: 'Wrong name or password.' })
    await session.login(userId, { methods: ['pwd'], carry: ['cart'] })
    redirect(303, safeRedirectPath(form.get('return')))
  },
}
