import { type Attack, verdict } from '../attack.ts'
import { isSignedIn, PRIVATE_PAGE } from '../bench.ts'

export const lateWrite: Attack = {
  id: 'late-write',
  title: 'A write that arrives after the logout',
  promise: 'P1 dead stays dead',
  idea: 'A slow request reads the session, the user logs out, then the slow request saves. Libraries that write the whole session back revive it: signed in, in the store, without anybody knowing.',
  defence:
    'A write names an existing session and never creates one. If the session has ended meanwhile, the write is dropped and reported. The shop has no special route for this: the lab keeps back the body of an ordinary form.',

  async run(bench) {
    const victim = bench.client()
    await bench.step('The guest logs in', async () => bench.signIn(victim, await bench.guests.guest()))
    const { token } = victim
    const slow = bench.client({ token })
    const held = await slow.hold('/cart', { sku: LATE })
    await bench.step('A form is on its way, its headers read by the shop. Meanwhile the guest logs out', () =>
      victim.post('/logout'),
    )
    const late = await bench.step('Now the rest of the form arrives, and the shop writes', () =>
      held.release(),
    )
    const thief = bench.client({ token })
    const after = await bench.step('Is the session back?', () => thief.get(PRIVATE_PAGE))
    const dropped = bench.hasLogged('Late write dropped')
    return verdict(dropped && late.setCookies.length === 0 && !isSignedIn(after), {
      word: 'refused',
      held: 'the late write was dropped and reported, and the session stayed dead.',
      broken: 'the late write was not dropped, or it revived the session.',
    })
  },
}

/** An article that no other attack puts into a cart. */
const LATE = 'umbrella'
