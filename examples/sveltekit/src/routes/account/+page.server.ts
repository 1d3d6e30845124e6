import { redirect } from '@sveltejs/kit'
import { nameOf } from '$lib/server/accounts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { session }, url }) => {
  if (session.userId === null) redirect(303, `/login?return=${encodeURIComponent(url.pathname)}`)
  return { name: nameOf(session.userId) }
}
