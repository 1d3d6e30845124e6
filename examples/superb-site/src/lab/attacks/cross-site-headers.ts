import { type Attack, verdict } from '../attack.ts'
import { isSignedIn, PRIVATE_PAGE } from '../bench.ts'

const ATTACKER = 'http://attacker.localhost'

export const crossSiteHeaders: Attack = {
  id: 'cross-site-headers',
  title: 'A forged form that does carry the cookie',
  promise: 'P11 secure by default; CSRF-01, CSRF-06, CSRF-07',
  idea: 'SameSite=Lax keeps the cookie out of other sites’ forms. But not in every browser and not for every neighbour; so suppose that it came along.',
  defence:
    'What browsers say about where a request comes from cannot be forged by a page: Sec-Fetch-Site, else Origin, else Referer. An unsafe request that none of them vouches for is refused before any handler runs.',

  async run(bench) {
    const victim = bench.client()
    await bench.step('The guest logs in', async () => bench.signIn(victim, await bench.guests.guest()))
    const send = (title: string, headers: Record<string, string>) =>
      bench.step(title, () => victim.post('/logout', {}, { headers }))
    const replies = [
      await send('Another site’s form in a browser of today', {
        'sec-fetch-site': 'cross-site',
        origin: ATTACKER,
      }),
      await send('In a browser that sends no Sec-Fetch-Site', { origin: ATTACKER }),
      await send('From a sandboxed frame', { origin: 'null' }),
    ]
    const own = await bench.step('Is the guest still signed in?', () => victim.get(PRIVATE_PAGE))
    return verdict(replies.every(({ status }) => status === 403) && isSignedIn(own), {
      word: 'refused',
      held: 'all three were answered with 403, and the guest is still signed in.',
      broken: 'a form of another site signed the guest out.',
    })
  },
}
