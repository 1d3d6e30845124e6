import { createSessions } from 'coatcheck'
import { withSession } from 'coatcheck/fetch'
import { memory } from 'coatcheck/memory'
import { createDpop } from 'coatcheck/tokens'
import { checkPassword } from './accounts.ts'

export const sessions = createSessions({
  store: memory(),
  transports: ['bearer'],
  dpop: createDpop({ nonce: 'require', origins: ['https://api.example'] }),
  binding: 'require',
})

export function handle(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  return withSession(sessions, request, async (session) => {
    if (request.method === 'POST' && pathname === '/login') {
      const { user, password } = (await request.json()) as { user: string; password: string }
      if (!checkPassword(user, password)) return new Response('Wrong user or password.', { status: 403 })
      const { token } = await session.login(user)
      return Response.json({ access_token: token, token_type: 'DPoP' })
    }
    // Throws where nobody is signed in, which is answered with 401 and the challenge.
    session.assertFresh('12h')
    return Response.json({ user: session.userId })
  })
}
