import { type Attack, verdict } from '../attack.ts'
import { isSignedIn, PRIVATE_PAGE } from '../bench.ts'

export const forgedToken: Attack = {
  id: 'forged-token',
  title: 'A token with one character changed',
  promise: 'P5 fixation is impossible; ROT-04',
  idea: 'The attacker changes a token here and there and watches: perhaps it can be steered to another session, or the noise at least signs its owner out.',
  defence:
    'A truncated HMAC covers every bit, and one token has one spelling: a change is refused before the store is asked. And since it proves nothing, it ends nothing.',

  async run(bench) {
    const victim = bench.client()
    await bench.step('The guest logs in', async () => bench.signIn(victim, await bench.guests.guest()))
    const forged = [5, 30, victim.token.length - 1].map((at) => changedAt(victim.token, at))
    const replies = await bench.step('Three forgeries: the id, the secret and the tag are changed', () =>
      Promise.all(forged.map((token) => bench.client({ token }).get(PRIVATE_PAGE))),
    )
    const own = await bench.step('The guest goes on', () => victim.get(PRIVATE_PAGE))
    return verdict(!replies.some(isSignedIn) && isSignedIn(own), {
      word: 'refused',
      held: 'no forgery was accepted, and the guest is still signed in.',
      broken: 'a forgery was accepted, or it signed the guest out.',
    })
  },
}

function changedAt(token: string, at: number): string {
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
}
