import type { Handle, ServerInit } from '@sveltejs/kit'
import { withSession } from 'coatcheck/fetch'
import { sessions } from '$lib/server/sessions'

/** Trouble with the database shows at the start. */
export const init: ServerInit = () => sessions.open()

export const handle: Handle = ({ event, resolve }) =>
  withSession(
    sessions,
    event.request,
    (session) => {
      event.locals.session = session
      return resolve(event)
    },
    { clientAddress: event.getClientAddress() },
  )

// The server has answered its last request.
process.once('sveltekit:shutdown', () => sessions.close())
