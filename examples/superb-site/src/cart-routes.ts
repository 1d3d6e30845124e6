import { safeRedirectPath } from 'coatcheck'
import { Router } from 'express'
import { addToCart, MOST_OF_ONE, setQuantity } from './cart.ts'
import { findProduct } from './catalogue.ts'
import { formField, parseCount } from './form.ts'
import { cartPage } from './pages/cart-page.ts'
import type { Shop } from './shop.ts'

/** The cart needs no account: the first article makes an anonymous session, and with it the first cookie. */
export function cartRoutes(shop: Shop): Router {
  const routes = Router()

  routes.get('/cart', (request, response) => {
    response.send(cartPage(shop.pageContext(request)))
  })

  routes.post('/cart', (request, response) => {
    const session = shop.sessions.of(request)
    const product = findProduct(formField(request, 'sku'))
    const quantity = parseCount(formField(request, 'quantity') || '1', 1, MOST_OF_ONE)
    if (product && quantity !== null) {
      // A pure function of the latest cart: of two clicks at once, neither is lost.
      session.update('cart', (cart) => addToCart(cart, product.sku, quantity))
      session.set('notice', { tone: 'good', text: `${product.name} is in your cart.` })
    } else {
      session.set('notice', { tone: 'bad', text: product ? NO_SUCH_NUMBER : NO_SUCH_ARTICLE })
    }
    response.redirect(303, safeRedirectPath(formField(request, 'return')))
  })

  routes.post('/cart/quantity', (request, response) => {
    const session = shop.sessions.of(request)
    const product = findProduct(formField(request, 'sku'))
    const quantity = parseCount(formField(request, 'quantity'), 0, MOST_OF_ONE)
    if (product && quantity !== null)
      session.update('cart', (cart) => setQuantity(cart, product.sku, quantity))
    else session.set('notice', { tone: 'bad', text: product ? NO_SUCH_NUMBER : NO_SUCH_ARTICLE })
    response.redirect(303, '/cart')
  })

  routes.post('/cart/remove', (request, response) => {
    const sku = formField(request, 'sku')
    shop.sessions.of(request).update('cart', (cart) => setQuantity(cart, sku, 0))
    response.redirect(303, '/cart')
  })

  return routes
}

const NO_SUCH_ARTICLE = 'We do not have that article.'
const NO_SUCH_NUMBER = `Choose a whole number up to ${MOST_OF_ONE}.`
