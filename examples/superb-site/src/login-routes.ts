import { type LoginAttempt, safeRedirectPath } from 'coatcheck'
import { Router } from 'express'
import { formField } from './form.ts'
import { loginPage } from './pages/login-page.ts'
import type { Shop } from './shop.ts'

export function loginRoutes(shop: Shop): Router {
  const routes = Router()

  routes.get('/login', (request, response) => {
    const returnTo = safeRedirectPath(request.query.return)
    response.send(loginPage(shop.pageContext(request), { name: '', returnTo, problem: null }))
  })

  routes.post('/login', async (request, response) => {
    const { sessions, accounts } = shop
    const name = formField(request, 'name')
    const returnTo = safeRedirectPath(formField(request, 'return'))
    // Begun before the password is checked: if the account's sessions are all ended meanwhile, this login is too late.
    const attempt = await beginLogin(shop, name)
    const userId = await accounts.verify(name, formField(request, 'password'))
    if (userId === null || attempt === null) {
      const form = { name, returnTo, problem: 'Name and password do not belong together.' }
      response.status(401).send(loginPage(shop.pageContext(request), form))
      return
    }
    const session = sessions.of(request)
    await session.login(userId, {
      attempt,
      remember: formField(request, 'remember') === 'yes',
      methods: ['pwd'],
    })
    session.set('notice', {
      tone: 'good',
      text: `Welcome, ${accounts.nameOf(userId)}. You have a new token.`,
    })
    response.redirect(303, returnTo)
  })

  routes.post('/logout', async (request, response) => {
    const session = shop.sessions.of(request)
    await session.logout()
    session.set('notice', { tone: 'good', text: 'You are logged out; the server refuses the old token.' })
    response.redirect(303, '/')
  })

  return routes
}

async function beginLogin({ sessions, accounts }: Shop, name: string): Promise<LoginAttempt | null> {
  const userId = accounts.userIdOf(name)
  return userId === null ? null : sessions.beginLogin(userId)
}
