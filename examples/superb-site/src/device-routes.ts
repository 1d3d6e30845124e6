import { Router } from 'express'
import { formField } from './form.ts'
import { devicesPage } from './pages/devices-page.ts'
import type { Shop } from './shop.ts'

/** For signed-in users only: the guard stands before these routes. */
export function deviceRoutes(shop: Shop): Router {
  const routes = Router()

  routes.get('/', async (request, response) => {
    const context = shop.pageContext(request)
    const { sessions } = await context.session.others()
    response.send(devicesPage(context, sessions))
  })

  routes.post('/end', async (request, response) => {
    const session = shop.sessions.of(request)
    const ended = await session.revokeOther(formField(request, 'id'))
    session.set(
      'notice',
      ended
        ? { tone: 'good', text: 'That session has ended.' }
        : { tone: 'bad', text: 'That session was over already.' },
    )
    response.redirect(303, '/devices')
  })

  routes.post('/end-others', async (request, response) => {
    const session = shop.sessions.of(request)
    const count = await session.revokeOthers()
    session.set('notice', {
      tone: 'good',
      text: `Ended ${count} other ${count === 1 ? 'session' : 'sessions'}.`,
    })
    response.redirect(303, '/devices')
  })

  routes.post('/end-all', async (request, response) => {
    const session = shop.sessions.of(request)
    await session.revokeOthers()
    await session.logout()
    session.set('notice', { tone: 'good', text: 'You are logged out everywhere.' })
    response.redirect(303, '/')
  })

  return routes
}
