import { requireUser } from 'coatcheck/express'
import { Router } from 'express'
import { findProduct } from '../catalogue.ts'
import { formField } from '../form.ts'
import type { Shop } from '../shop.ts'
import type { OneLogin } from './one-login.ts'

/** In the place of the shop's own accounts: signing in elsewhere, and reviews that are elsewhere, too. */
export function oneLoginRoutes({ sessions }: Shop, { signIn, addresses, reviews }: OneLogin): Router {
  const routes = Router()
  routes.use(signIn.routes)

  // Passwords are the server's business.
  routes.all('/account/password', (_request, response) =>
    response.redirect(303, `${addresses.accounts}/account`),
  )

  routes.post('/products/:sku/reviews', requireUser(sessions), async (request, response, next) => {
    const product = findProduct(request.params.sku)
    if (!product) return next()
    const page = `/products/${product.sku}`
    const session = sessions.of(request)
    const token = await signIn.accessToken(request)
    const opinion = { rating: Number(formField(request, 'rating')), text: formField(request, 'text') }
    const written = token === null ? 'unauthorized' : await reviews.write(product.sku, token, opinion)
    if (written === 'unauthorized') return response.redirect(303, `/login?return=${page}`)
    session.set(
      'notice',
      written === 'written'
        ? { tone: 'good', text: 'Thank you. Your review is published.' }
        : { tone: 'bad', text: written.problem },
    )
    response.redirect(303, page)
  })

  return routes
}
