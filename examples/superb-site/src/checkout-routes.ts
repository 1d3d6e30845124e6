import { randomUUID } from 'node:crypto'
import { type Request, Router } from 'express'
import { type Address, readAddress } from './address.ts'
import { beginCheckout, type PricedCart, priceCart, withoutOrdered } from './cart.ts'
import { formField } from './form.ts'
import type { Currency } from './money.ts'
import type { Order } from './orders.ts'
import { addressPage } from './pages/address-page.ts'
import { confirmationPage } from './pages/confirmation-page.ts'
import { type Offer, reviewPage } from './pages/review-page.ts'
import type { Shop } from './shop.ts'
import type { ShopSession } from './shop-sessions.ts'

/** Address, review, order. For signed-in users only: the guard stands before these routes. */
export function checkoutRoutes(shop: Shop): Router {
  const routes = Router()
  const { sessions, orders } = shop

  routes.get('/', (request, response) => {
    const context = shop.pageContext(request)
    const { session, userName } = context
    const [latest] = orders.list(session.userId ?? '', 1)
    const known = session.get('address') ?? latest?.address ?? { ...BLANK, recipient: userName ?? '' }
    if (offerOf(session).cart.lines.length === 0) response.redirect(303, '/cart')
    else response.send(addressPage(context, known, []))
  })

  routes.post('/', (request, response) => {
    const { typed, address, problems } = readAddress(request)
    if (address === null) {
      response.status(422).send(addressPage(shop.pageContext(request), typed, problems))
      return
    }
    const session = sessions.of(request)
    const newId = randomUUID()
    session.set('address', address)
    session.update('cart', (cart) => beginCheckout(cart, newId))
    response.redirect(303, '/checkout/review')
  })

  routes.get('/review', (request, response) => {
    const context = shop.pageContext(request)
    const address = context.session.get('address')
    const offer = offerOf(context.session)
    if (offer.cart.lines.length === 0) response.redirect(303, '/cart')
    else if (!address || offer.cartId === '') response.redirect(303, '/checkout')
    else response.send(reviewPage(context, offer, address))
  })

  routes.post('/place', async (request, response) => {
    response.redirect(303, await placeOrder(shop, request))
  })

  routes.get('/done/:number', (request, response, next) => {
    const context = shop.pageContext(request)
    const order = orders.find(context.session.userId ?? '', request.params.number)
    if (order) response.send(confirmationPage(context, order))
    else next()
  })

  return routes
}

const BLANK: Address = { recipient: '', street: '', postcode: '', city: '', country: 'GB' }

/** Places the order that the form was about, once however often the form is sent; answers where to go. */
async function placeOrder(shop: Shop, request: Request): Promise<string> {
  const session = shop.sessions.of(request)
  // Before money moves the store is asked, whatever this process still believes: the session may have been ended elsewhere.
  if (!(await session.revalidate()) || session.userId === null) return '/login?return=/checkout/review'
  const order =
    shop.orders.ofCart(session.userId, formField(request, 'cart')) ??
    placeSeenOffer(shop, session, session.userId, formField(request, 'seen'))
  if (order === null) return '/checkout/review'
  // Changes nothing if another press of the button has emptied the cart already.
  session.update('cart', (cart) => withoutOrdered(cart, { id: order.cartId, lines: order.lines }))
  return `/checkout/done/${order.number}`
}

/** `null`, with a notice, where there is nothing to order or the cart is no longer what its owner has seen and agreed to. */
function placeSeenOffer(shop: Shop, session: ShopSession, userId: string, seen: string): Order | null {
  const offer = offerOf(session)
  const address = session.get('address')
  // Without an id no checkout has begun: orders of such carts could not be told apart.
  if (offer.seen !== seen || offer.cartId === '' || offer.cart.lines.length === 0 || !address) {
    session.set('notice', {
      tone: 'bad',
      text: 'Your cart has changed. Nothing was ordered: please look again.',
    })
    return null
  }
  const lines = offer.cart.lines.map(({ product, ...line }) => ({
    sku: product.sku,
    name: product.name,
    ...line,
  }))
  const { cartId, currency } = offer
  return shop.orders.place({ userId, cartId, currency, total: offer.cart.total, lines, address })
}

function offerOf(session: ShopSession): Offer {
  const cart = session.get('cart')
  const currency = session.get('currency')
  const priced = priceCart(cart, currency)
  return { cartId: cart.id, currency, cart: priced, seen: describe(cart.id, priced, currency) }
}

/** All that somebody who presses the button agrees to. */
function describe(cartId: string, { lines, total }: PricedCart, currency: Currency): string {
  const articles = lines.map(({ product, quantity, unit }) => `${product.sku}*${quantity}*${unit}`)
  return [cartId, currency, total, ...articles].join(' ')
}
