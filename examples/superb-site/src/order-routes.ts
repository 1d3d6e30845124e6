import { Router } from 'express'
import { orderPage } from './pages/order-page.ts'
import { ordersPage } from './pages/orders-page.ts'
import type { Shop } from './shop.ts'

/** For signed-in users only: the guard stands before these routes. */
export function orderRoutes(shop: Shop): Router {
  const routes = Router()

  routes.get('/', (request, response) => {
    const context = shop.pageContext(request)
    const { userId } = context.session
    response.send(ordersPage(context, userId === null ? [] : shop.orders.list(userId)))
  })

  routes.get('/:number', (request, response, next) => {
    const context = shop.pageContext(request)
    const { userId } = context.session
    // Somebody else's order is answered like one that does not exist.
    const order = userId === null ? null : shop.orders.find(userId, request.params.number)
    if (order) response.send(orderPage(context, order))
    else next()
  })

  return routes
}
