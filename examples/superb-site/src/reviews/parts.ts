import type { Sessions } from 'coatcheck'
import type { Addresses } from '../one-login/addresses.ts'
import type { SignIn } from '../one-login/sign-in.ts'
import type { Reviews } from './reviews.ts'
import type { ReviewsData } from './reviews-sessions.ts'

export interface ReviewsParts {
  readonly sessions: Sessions<ReviewsData>
  readonly reviews: Reviews
  readonly signIn: SignIn
  readonly addresses: Addresses
}
