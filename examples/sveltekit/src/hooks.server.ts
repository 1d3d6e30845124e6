import type { Handle, ServerInit } from '@sveltejs/kit'
import { withSession } from 'coatcheck/fetch'
import { sessions } from '$lib/server/sessions'

/** Trouble with the database shows at the start. */
export const init: ServerInit = () => sessions.open()

export const handle: Handle = ({ event, resolve }) =>
  withSession(
    sessions,
    event.request,
    async (session) => {
      event.locals.session = session
      const response = await resolve(event)
      if (response.status >= 500) throw response // drops what was written to the session
      return response
    },
    { clientAddress: event.getClientAddress() },
  ).catch(answerThrown)

function answerThrown(thrown: unknown): Response {
  if (thrown instanceof Response) return thrown
  throw thrown
}

// The server has answered its last request.
process.once('sveltekit:shutdown', () => sessions.close())
