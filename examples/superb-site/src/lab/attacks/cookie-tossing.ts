import { type Attack, verdict } from '../attack.ts'
import { isSignedIn, PRIVATE_PAGE } from '../bench.ts'
import { SESSION_COOKIE } from '../cookie-jar.ts'
import { cookiesNamed } from '../show-exchange.ts'

export const cookieTossing: Attack = {
  id: 'cookie-tossing',
  title: 'Two cookies of one name (cookie tossing)',
  promise: 'P5 fixation is impossible; CK-11',
  idea: 'A neighbouring host, evil.shop.example, sets a cookie with Domain=shop.example. The browser sends it along with the real one, in no certain order. A server that takes the first one works in the attacker’s session: what the victim enters lands there.',
  defence:
    'The prefix __Host- tells browsers to accept this cookie from this very host only, without a Domain: tossing stops there. Should two come all the same, the shop does not guess. One live session is the user’s; of two, neither is used.',

  async run(bench) {
    const victim = bench.client()
    const mallory = bench.client()
    await bench.step('The guest and the attacker log in, each to an own account', async () => {
      await bench.signIn(victim, await bench.guests.guest())
      await bench.signIn(mallory, await bench.guests.mallory())
    })
    const request = bench.client()
    const both = [victim.token, mallory.token]
    const first = await bench.step('A request with both cookies', () =>
      request.get(PRIVATE_PAGE, { cookie: cookiesNamed(both) }),
    )
    const second = await bench.step('The same, the other way round', () =>
      request.get(PRIVATE_PAGE, { cookie: cookiesNamed(both.toReversed()) }),
    )
    const spelled = await bench.step('The attacker’s token under names that browsers do not guard', () =>
      request.get(PRIVATE_PAGE, {
        cookie: `sid=${mallory.token}; ${SESSION_COOKIE.toUpperCase()}=${mallory.token}`,
      }),
    )
    const rubbish = await bench.step('Rubbish beside the guest’s own cookie locks nobody out', () =>
      request.get(PRIVATE_PAGE, { cookie: cookiesNamed(['tossed', victim.token]) }),
    )
    const refused = first.status === 400 && second.status === 400 && !isSignedIn(spelled)
    return verdict(refused && isSignedIn(rubbish), {
      word: 'refused',
      held: 'of two live sessions neither is used, other spellings are not read, and the guest stays signed in.',
      broken: 'a tossed cookie decided whose session it is.',
    })
  },
}
