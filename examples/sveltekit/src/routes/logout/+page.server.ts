import { redirect } from '@sveltejs/kit'
import type { Actions } from './$types'

export const actions: Actions = {
  async default({ locals: { session } }) {
    await session.logout()
    redirect(303, '/')
  },
}
