import { type Attack, verdict } from '../attack.ts'
import { isSignedIn, PRIVATE_PAGE } from '../bench.ts'

export const replayAfterLogout: Attack = {
  id: 'replay-after-logout',
  title: 'A copy of the token, used after the logout',
  promise: 'P1 dead stays dead; LIO-01',
  idea: 'Somebody copied the cookie while it was good: malware, a backup, a shared computer. The owner logs out and feels safe. Where a logout only clears the cookie, the copy goes on working.',
  defence:
    'The session lives on the server, and the logout ends it there. A tombstone remembers the end, so nothing can bring the session back.',

  async run(bench) {
    const victim = bench.client()
    await bench.step('The guest logs in', async () => bench.signIn(victim, await bench.guests.guest()))
    const copy = bench.client({ token: victim.token })
    const before = await bench.step('Somebody copies the cookie; the copy works', () =>
      copy.get(PRIVATE_PAGE),
    )
    await bench.step('The guest logs out', () => victim.post('/logout'))
    const thief = bench.client({ token: copy.token })
    const after = await bench.step('The copy is used again', () => thief.get(PRIVATE_PAGE))
    return verdict(isSignedIn(before) && !isSignedIn(after), {
      word: 'refused',
      held: 'the logout ended the session on the server; every copy of its token died with it.',
      broken: 'the copy outlived the logout.',
    })
  },
}
