import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { systemClock } from '../clock.ts'
import { listen } from '../listen.ts'
import { openShop } from '../open-shop.ts'
import { createReviewsApp } from '../reviews/app.ts'
import { Reviews } from '../reviews/reviews.ts'
import { createReviewsSessions } from '../reviews/reviews-sessions.ts'
import type { Addresses } from './addresses.ts'
import type { ClientSecrets } from './clients.ts'
import { ReviewsApi } from './reviews-api.ts'
import { openSignIn } from './sign-in.ts'

interface Running {
  stop(): Promise<void>
}

/** The shop once more, without accounts of its own, and the reviews: each with its own store, both signing in at one place. */
export async function startApplications(
  dataDirectory: string,
  addresses: Addresses,
  secrets: ClientSecrets,
): Promise<Running> {
  const reviews = await startReviews(join(dataDirectory, 'reviews'), addresses, secrets.reviews)
  try {
    const shop = await startShop(join(dataDirectory, 'shop-without-accounts'), addresses, secrets.shop)
    return {
      async stop() {
        await Promise.all([shop.stop(), reviews.stop()])
      },
    }
  } catch (error) {
    await reviews.stop()
    throw error
  }
}

async function startReviews(directory: string, addresses: Addresses, secret: string): Promise<Running> {
  const reviews = new Reviews(directory, systemClock)
  const sessions = createReviewsSessions(directory)
  await sessions.open()
  const close = async () => {
    await sessions.close()
    reviews.close()
  }
  const signIn = openSignIn({
    ...{ sessions, accounts: addresses.accounts, origin: addresses.reviews },
    client: { id: 'reviews', secret },
    begun: (session, { name }) => session.set('name', name),
  })
  const app = createReviewsApp({ sessions, reviews, signIn, addresses })
  return running(app, addresses.reviews, close)
}

async function startShop(directory: string, addresses: Addresses, secret: string): Promise<Running> {
  const reviews = new ReviewsApi(addresses)
  const shop = await openShop(directory, { oneLogin: { addresses, reviews, secret } })
  const { stop } = await running(shop.app, addresses.shop, () => shop.close())
  return {
    stop() {
      shop.endStreams()
      return stop()
    },
  }
}

/** On this machine alone. `close`: what the application has open. */
async function running(app: RequestListener, origin: string, close: () => Promise<void>): Promise<Running> {
  try {
    const port = Number(new URL(origin).port)
    const listener = await listen(app, { port, host: '127.0.0.1', variable: 'SERVER_PORT' })
    return {
      async stop() {
        await listener.stop()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}
