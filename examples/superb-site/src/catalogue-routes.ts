import { Router } from 'express'
import { findProduct, isCategory, searchProducts } from './catalogue.ts'
import { queryField } from './form.ts'
import { cataloguePage } from './pages/catalogue-page.ts'
import { productPage } from './pages/product-page.ts'
import type { Shop } from './shop.ts'

/** Longest search that is looked at; the field takes no more. */
const LONGEST_SEARCH = 60

/** Pages that only read the session: looking around stores nothing and sets no cookie. */
export function catalogueRoutes(shop: Shop): Router {
  const routes = Router()

  routes.get('/', (request, response) => {
    const asked = queryField(request, 'category')
    const category = isCategory(asked) ? asked : null
    const words = queryField(request, 'q').trim().slice(0, LONGEST_SEARCH)
    const found = { category, words, products: searchProducts(category, words), path: request.originalUrl }
    response.send(cataloguePage(shop.pageContext(request), found))
  })

  routes.get('/products/:sku', async (request, response, next) => {
    const product = findProduct(request.params.sku)
    if (!product) return next()
    const reviews = shop.oneLogin && { found: await shop.oneLogin.reviews.of(product.sku) }
    response.send(productPage(shop.pageContext(request), product, reviews))
  })

  return routes
}
