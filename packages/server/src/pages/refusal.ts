import type { Refused } from '../accounts/accounts.ts'
import type { PageKit, Shown } from './page-kit.ts'

/** What somebody is told whose password was not taken, with the status that goes with it. */
export function refusal(
  { words }: PageKit,
  { reason, retryAfter = 0 }: Refused,
): Pick<Shown, 'status' | 'retryAfter'> & { readonly text: string } {
  switch (reason) {
    case 'throttled':
      return {
        status: 429,
        retryAfter,
        text: words('login.throttled', { minutes: Math.ceil(retryAfter / 60_000) }),
      }
    case 'busy':
    case 'unavailable':
      return { status: 503, retryAfter, text: words('login.unavailable') }
    case 'disabled':
      return { status: 403, text: words('login.disabled') }
    case 'invalid':
      return { status: 401, text: words('login.invalid') }
  }
}
