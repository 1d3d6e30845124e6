import { Router } from 'express'
import { passwordProblem } from './account-rules.ts'
import { formField } from './form.ts'
import { accountPage } from './pages/account-page.ts'
import { passwordPage } from './pages/password-page.ts'
import type { Shop } from './shop.ts'
import { requireProof } from './step-up.ts'

/** For signed-in users only: the guard stands before these routes. */
export function accountRoutes(shop: Shop): Router {
  const routes = Router()
  const { sessions, accounts, orders } = shop

  routes.get('/', async (request, response) => {
    const context = shop.pageContext(request)
    const { userId } = context.session
    const { sessions: devices } = await context.session.others()
    const [latest] = userId === null ? [] : orders.list(userId, 1)
    response.send(accountPage(context, { devices: devices.length, latestOrder: latest ?? null }))
  })

  routes.use('/password', requireProof(shop, '5m', '/account/password'))

  routes.get('/password', (request, response) => {
    response.send(passwordPage(shop.pageContext(request), null))
  })

  routes.post('/password', async (request, response) => {
    const context = shop.pageContext(request)
    const { session, userName } = context
    const password = formField(request, 'password')
    const problem = passwordProblem(password, userName ?? '')
    if (problem !== null || session.userId === null) {
      response.status(422).send(passwordPage(context, problem))
      return
    }
    await accounts.changePassword(session.userId, password)
    // Whoever knew the old password may be signed in anywhere, or be about to be.
    const count = await session.revokeOthers()
    await session.reauthenticate({ methods: ['pwd'] })
    sessions.of(request).set('notice', { tone: 'good', text: `Your password is changed. ${ended(count)}` })
    response.redirect(303, '/account')
  })

  return routes
}

function ended(count: number): string {
  if (count === 0) return 'You were signed in nowhere else.'
  return count === 1 ? 'One other session was ended.' : `${count} other sessions were ended.`
}
