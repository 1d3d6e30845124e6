import { randomBytes } from 'node:crypto'
import { type Attack, verdict } from '../attack.ts'
import { isSignedIn, PRIVATE_PAGE } from '../bench.ts'

export const fixationChosen: Attack = {
  id: 'fixation-chosen',
  title: 'A token of the attacker’s own choice',
  promise: 'P5 fixation is impossible; ROT-04',
  idea: 'The attacker makes a token up, gets it into the victim’s browser, waits for the log-in and uses the token too. A server that adopts any token it is sent makes that work.',
  defence:
    'Only tokens that the shop issued are accepted: each carries a tag that nobody can make without the shop’s key. An unknown one is not adopted; whoever brings it gets a fresh one.',

  async run(bench) {
    const attacker = bench.client()
    await bench.step('The attacker visits the shop to see what a token looks like', () =>
      attacker.post('/cart', { sku: 'peg' }),
    )
    const chosen =
      attacker.token.slice(0, 2) +
      randomBytes(60)
        .toString('base64url')
        .slice(0, attacker.token.length - 2)

    const victim = bench.client({ token: chosen })
    await bench.step(
      'The victim’s browser, into which the attacker has put a made-up token, fills a cart',
      () => victim.post('/cart', { sku: 'ticket' }),
    )
    await bench.step('The victim logs in', async () => bench.signIn(victim, await bench.guests.guest()))

    const thief = bench.client({ token: chosen })
    const reply = await bench.step('The attacker opens the victim’s account with the made-up token', () =>
      thief.get(PRIVATE_PAGE),
    )
    return verdict(victim.token !== chosen && !isSignedIn(reply), {
      word: 'refused',
      held: 'the shop never issued this token and never adopted it; the victim got others.',
      broken: 'the token that the attacker chose has become the victim’s.',
    })
  },
}
