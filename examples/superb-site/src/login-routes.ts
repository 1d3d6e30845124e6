import { safeRedirectPath } from 'coatcheck'
import { Router } from 'express'
import { formField, queryField } from './form.ts'
import { goodbyePage } from './pages/goodbye-page.ts'
import { loginPage } from './pages/login-page.ts'
import { tooManyGuesses } from './pages/waiting.ts'
import type { Shop } from './shop.ts'
import { guessKey, signIn, signOut } from './sign-in.ts'

export function loginRoutes(shop: Shop): Router {
  const routes = Router()
  const { sessions, accounts, loginThrottle } = shop

  routes.get('/login', (request, response) => {
    const returnTo = safeRedirectPath(queryField(request, 'return'))
    response.send(loginPage(shop.pageContext(request), { name: '', returnTo, problem: null }))
  })

  routes.post('/login', async (request, response) => {
    const name = formField(request, 'name')
    const returnTo = safeRedirectPath(formField(request, 'return'))
    const refuse = (status: number, problem: string) =>
      response.status(status).send(loginPage(shop.pageContext(request), { name, returnTo, problem }))
    const wait = loginThrottle.begin(guessKey(request, name))
    if (wait > 0) {
      response.set('retry-after', String(Math.ceil(wait / 1_000)))
      refuse(429, tooManyGuesses(wait))
      return
    }
    const userId = accounts.idOf(name)
    // Begun before the password is checked: if the account's sessions are all ended meanwhile, this login is too late.
    const attempt = await sessions.beginLogin(userId ?? NOBODY)
    if (!(await accounts.verify(userId, formField(request, 'password'))) || userId === null) {
      refuse(401, 'Name and password do not belong together.')
      return
    }
    loginThrottle.forget(guessKey(request, name))
    await signIn(shop, request, userId, { attempt, remember: formField(request, 'remember') === 'yes' })
    const text = `Welcome, ${accounts.nameOf(userId)}. You have a new token.`
    sessions.of(request).set('notice', { tone: 'good', text })
    response.redirect(303, returnTo)
  })

  return routes
}

export function logoutRoutes(shop: Shop): Router {
  const routes = Router()

  routes.post('/logout', async (request, response) => {
    response.redirect(303, await signOut(shop, request))
  })

  routes.get('/goodbye', (request, response) => {
    response.send(goodbyePage(shop.pageContext(request)))
  })

  return routes
}

/** No account has it: an unknown name takes the same steps as a known one. */
const NOBODY = 'nobody'
