import { z } from 'zod'
import { type Addresses, onThisMachine } from './addresses.ts'

const Review = z.object({
  guest: z.int(),
  rating: z.int().min(1).max(5),
  text: z.string(),
  writtenAt: z.int(),
})
const Answer = z.object({ count: z.int(), average: z.number().nullable(), reviews: z.array(Review) })
export type ArticleReviews = Readonly<z.infer<typeof Answer>>

export type Written = 'written' | 'unauthorized' | { readonly problem: string }

/** How long a page of the shop waits for the reviews, in milliseconds. */
const PATIENCE = 2_000

/** The API of the reviews, as the shop asks it. */
export class ReviewsApi {
  readonly #base: string

  constructor({ reviewsApi }: Addresses) {
    this.#base = onThisMachine(`${reviewsApi}/articles/`)
  }

  /** `null` where the reviews cannot be had: the shop goes on without. */
  async of(sku: string): Promise<ArticleReviews | null> {
    try {
      const response = await fetch(this.#base + encodeURIComponent(sku), {
        signal: AbortSignal.timeout(PATIENCE),
      })
      return response.ok ? Answer.parse(await response.json()) : null
    } catch {
      return null
    }
  }

  /** Says in the name of the user whose access token it is what they think of an article. */
  async write(sku: string, accessToken: string, opinion: { rating: number; text: string }): Promise<Written> {
    try {
      const response = await fetch(this.#base + encodeURIComponent(sku), {
        method: 'POST',
        headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
        body: JSON.stringify(opinion),
        signal: AbortSignal.timeout(PATIENCE),
      })
      if (response.ok) return 'written'
      if (response.status === 401) return 'unauthorized'
      const { detail } = z.object({ detail: z.string() }).parse(await response.json())
      return { problem: detail }
    } catch {
      return { problem: 'The reviews cannot be reached at the moment.' }
    }
  }
}
