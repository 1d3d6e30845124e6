import { Router } from 'express'
import { findProduct } from './catalogue.ts'
import { formField } from './form.ts'
import { cartPage } from './pages/cart-page.ts'
import type { Shop } from './shop.ts'

export function cartRoutes(shop: Shop): Router {
  const routes = Router()

  routes.get('/cart', (request, response) => {
    response.send(cartPage(shop.pageContext(request)))
  })

  routes.post('/cart', (request, response) => {
    const session = shop.sessions.of(request)
    const product = findProduct(formField(request, 'sku'))
    if (product) {
      session.append('cart', { sku: product.sku, quantity: 1 })
      session.set('notice', { tone: 'good', text: `${product.name} is in your cart.` })
    } else {
      session.set('notice', { tone: 'bad', text: 'We do not have that article.' })
    }
    response.redirect(303, '/')
  })

  routes.post('/cart/remove', (request, response) => {
    const sku = formField(request, 'sku')
    shop.sessions.of(request).update('cart', (cart) => cart.filter((line) => line.sku !== sku))
    response.redirect(303, '/cart')
  })

  return routes
}
