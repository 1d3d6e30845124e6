import { type Attack, verdict } from '../attack.ts'
import { isSignedIn, PRIVATE_PAGE } from '../bench.ts'

const MINUTE = 60_000

export const replayStolen: Attack = {
  id: 'replay-stolen',
  title: 'A stolen token, after it was rotated',
  promise: 'P4 theft shows; ROT-06',
  idea: 'A thief copies the token and waits. The owner shops on; thief and owner hold the same session, and nobody would ever notice.',
  defence:
    'Every 15 minutes the token is replaced. Once the successor is surely with its owner, the old one can only come from a copy. Nobody can tell who of the two is the owner, so the session ends for both.',

  async run(bench) {
    const twin = await bench.openTwin()
    try {
      bench.listenTo(twin.sessions)
      const owner = bench.client(twin)
      await bench.step(
        'A second copy of the shop is started, whose clock can be moved on; its guest logs in',
        () => bench.signIn(owner, twin.guest),
      )
      const thief = bench.client({ ...twin, token: owner.token })
      await twin.wait(16 * MINUTE)
      await bench.step('16 minutes later the owner looks at a page, and gets the next token', () =>
        owner.get('/'),
      )
      await twin.wait(2 * MINUTE)
      await bench.step('2 minutes later the owner uses it: the rotation is settled', () => owner.get('/'))
      await twin.wait(1 * MINUTE)
      const theft = await bench.step('Now the thief uses the copy of the first token', () =>
        thief.get(PRIVATE_PAGE),
      )
      const after = await bench.step('The owner comes back', () => owner.get(PRIVATE_PAGE))
      return verdict(!isSignedIn(theft) && !isSignedIn(after), {
        word: 'refused',
        held: 'the replaced token came back, which was reported, and the session was ended for both holders.',
        broken: 'thief and owner go on side by side.',
      })
    } finally {
      await twin.close()
    }
  },
}
