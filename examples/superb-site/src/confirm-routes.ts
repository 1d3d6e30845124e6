import { safeRedirectPath } from 'coatcheck'
import { Router } from 'express'
import { formField, queryField } from './form.ts'
import { confirmPage } from './pages/confirm-page.ts'
import { tooManyGuesses } from './pages/waiting.ts'
import type { Shop } from './shop.ts'
import { guessKey } from './sign-in.ts'

/** Step-up: a fresh proof within a session. For signed-in users only: the guard stands before these routes. */
export function confirmRoutes(shop: Shop): Router {
  const routes = Router()
  const { sessions, accounts, loginThrottle } = shop

  routes.get('/', (request, response) => {
    const returnTo = safeRedirectPath(queryField(request, 'return'), '/account')
    response.send(confirmPage(shop.pageContext(request), { returnTo, problem: null }))
  })

  routes.post('/', async (request, response) => {
    const session = sessions.of(request)
    const context = shop.pageContext(request)
    const returnTo = safeRedirectPath(formField(request, 'return'), '/account')
    const refuse = (status: number, problem: string) =>
      response.status(status).send(confirmPage(context, { returnTo, problem }))
    const key = guessKey(request, context.userName ?? '')
    const wait = loginThrottle.begin(key)
    if (wait > 0) {
      response.set('retry-after', String(Math.ceil(wait / 1_000)))
      refuse(429, tooManyGuesses(wait))
      return
    }
    if (!(await accounts.verify(session.userId, formField(request, 'password')))) {
      refuse(401, 'That is not your password.')
      return
    }
    loginThrottle.forget(key)
    await session.reauthenticate({ methods: ['pwd'] })
    session.set('notice', { tone: 'good', text: 'Thank you. You have a new token.' })
    response.redirect(303, returnTo)
  })

  return routes
}
