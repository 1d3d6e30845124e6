import { type Request, Router } from 'express'
import { findProduct, type Product } from '../catalogue.ts'
import { formField } from '../form.ts'
import { type ArticlePage, articlePage } from './pages/article-page.ts'
import { frontPage } from './pages/front-page.ts'
import type { PageContext } from './pages/layout.ts'
import { goodbyePage } from './pages/message-page.ts'
import type { ReviewsParts } from './parts.ts'
import { Opinion } from './reviews.ts'

/** How many of the latest are on the front page. */
const LATEST = 6

/** For people: everybody may read, whoever is signed in may write. */
export function pageRoutes({ sessions, reviews, signIn, addresses }: ReviewsParts): Router {
  const routes = Router()
  const contextOf = (request: Request, path = request.originalUrl): PageContext => {
    const session = sessions.of(request)
    const guest = session.userId === null ? null : reviews.guestOf(session.userId)
    return { session, addresses, path, guest }
  }
  const article = (context: PageContext, product: Product, refused?: ArticlePage['refused']): string => {
    const { sku } = product
    const found = { product, summary: reviews.summaryOf(sku), reviews: reviews.of(sku) }
    return articlePage(context, refused ? { ...found, refused } : found)
  }

  routes.get('/', (request, response) => {
    const latest = reviews.latest(LATEST)
    response.send(frontPage(contextOf(request), { latest, summaryOf: (sku) => reviews.summaryOf(sku) }))
  })

  routes.get('/articles/:sku', (request, response, next) => {
    const product = findProduct(request.params.sku)
    if (product) response.send(article(contextOf(request), product))
    else next()
  })

  routes.post('/articles/:sku', (request, response, next) => {
    const product = findProduct(request.params.sku)
    if (!product) return next()
    const page = `/articles/${product.sku}`
    const context = contextOf(request, page)
    const { userId } = context.session
    if (userId === null) return response.redirect(303, `/login?return=${page}`)
    const text = formField(request, 'text')
    const { data, error } = Opinion.safeParse({ rating: Number(formField(request, 'rating')), text })
    if (!data) {
      const problem = error.issues[0]?.message ?? ''
      response.status(422).send(article(context, product, { text, problem }))
      return
    }
    reviews.write(userId, product.sku, data)
    context.session.set('notice', { tone: 'good', text: 'Thank you. Your review is published.' })
    response.redirect(303, page)
  })

  routes.post('/logout', async (request, response) => {
    response.redirect(303, await signIn.logout(request))
  })

  routes.get('/goodbye', (request, response) => {
    response.send(goodbyePage(contextOf(request, '/')))
  })

  return routes
}
