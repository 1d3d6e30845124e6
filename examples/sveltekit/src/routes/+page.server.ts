import { redirect } from '@sveltejs/kit'
import { nameOf } from '$lib/server/accounts'
import type { Actions, PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { session } }) => ({
  name: nameOf(session.userId),
  cart: session.get('cart') ?? [],
})

export const actions: Actions = {
  async add({ locals: { session }, request }) {
    const item = String((await request.formData()).get('item') ?? '').slice(0, 100)
    if (item !== '') session.append('cart', item)
    redirect(303, '/')
  },
}
