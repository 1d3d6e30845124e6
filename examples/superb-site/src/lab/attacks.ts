import type { Attack } from './attack.ts'
import { cookieTossing } from './attacks/cookie-tossing.ts'
import { crossSiteHeaders } from './attacks/cross-site-headers.ts'
import { fixationChosen } from './attacks/fixation-chosen.ts'
import { fixationPlanted } from './attacks/fixation-planted.ts'
import { forgedToken } from './attacks/forged-token.ts'
import { lateWrite } from './attacks/late-write.ts'
import { parallelCarts } from './attacks/parallel-carts.ts'
import { replayAfterLogout } from './attacks/replay-after-logout.ts'
import { replayStolen } from './attacks/replay-stolen.ts'
import { tokenInUrl } from './attacks/token-in-url.ts'

/** In the order in which the page tells of them. */
export const ATTACKS: readonly Attack[] = [
  fixationPlanted,
  fixationChosen,
  replayAfterLogout,
  replayStolen,
  lateWrite,
  cookieTossing,
  crossSiteHeaders,
  forgedToken,
  tokenInUrl,
  parallelCarts,
]
