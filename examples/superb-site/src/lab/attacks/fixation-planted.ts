import { type Attack, verdict } from '../attack.ts'
import { isSignedIn, PRIVATE_PAGE } from '../bench.ts'

export const fixationPlanted: Attack = {
  id: 'fixation-planted',
  title: 'A real token, planted before the log-in',
  promise: 'P5 fixation is impossible; ROT-01',
  idea: 'The attacker gets an honest visitor’s token from the shop and plants it in the victim’s browser. The victim logs in with it. If the session kept its token, the attacker would now be signed in as well.',
  defence:
    'A log-in makes a new session under a new id and a new token, and ends the old one at once. Only what is declared to come along, here the cart, moves over.',

  async run(bench) {
    const attacker = bench.client()
    await bench.step('The attacker fills a cart and gets an honest visitor’s token', () =>
      attacker.post('/cart', { sku: 'peg' }),
    )
    const planted = attacker.token

    const victim = bench.client({ token: planted })
    await bench.step('The victim, in whose browser the attacker has planted it, logs in', async () =>
      bench.signIn(victim, await bench.guests.guest()),
    )
    const own = await bench.step('The victim’s new token opens the account', () => victim.get(PRIVATE_PAGE))

    const thief = bench.client({ token: planted })
    const reply = await bench.step('The attacker tries the planted token', () => thief.get(PRIVATE_PAGE))
    return verdict(isSignedIn(own) && !isSignedIn(reply), {
      word: 'refused',
      held: 'the log-in replaced the session, and the planted token is dead.',
      broken: 'the planted token is signed in.',
    })
  },
}
