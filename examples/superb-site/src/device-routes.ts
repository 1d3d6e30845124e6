import { Router } from 'express'
import { formField } from './form.ts'
import { devicesPage } from './pages/devices-page.ts'
import type { Shop } from './shop.ts'
import { signOut } from './sign-in.ts'
import { requireProof } from './step-up.ts'

/** For signed-in users only: the guard stands before these routes. */
export function deviceRoutes(shop: Shop): Router {
  const routes = Router()
  const { sessions } = shop

  routes.get('/', async (request, response) => {
    const context = shop.pageContext(request)
    const { sessions: devices } = await context.session.others()
    response.send(devicesPage(context, devices))
  })

  // Everybody may look; to end sessions, one must have proved oneself within the hour (ASVS 5, 7.5.2).
  routes.use(requireProof(shop, '1h', '/devices'))

  routes.post('/end', async (request, response) => {
    const session = sessions.of(request)
    const ended = await session.revokeOther(formField(request, 'id'))
    const text = ended ? 'That session has ended.' : 'That session was over already.'
    session.set('notice', { tone: ended ? 'good' : 'bad', text })
    response.redirect(303, '/devices')
  })

  routes.post('/end-others', async (request, response) => {
    const session = sessions.of(request)
    const count = await session.revokeOthers()
    const text = `Ended ${count} other ${count === 1 ? 'session' : 'sessions'}.`
    session.set('notice', { tone: 'good', text })
    response.redirect(303, '/devices')
  })

  routes.post('/end-all', async (request, response) => {
    const session = sessions.of(request)
    await session.revokeOthers()
    response.redirect(303, await signOut(shop, request))
  })

  return routes
}
