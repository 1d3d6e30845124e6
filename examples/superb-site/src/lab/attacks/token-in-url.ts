import { type Attack, verdict } from '../attack.ts'
import { isSignedIn, PRIVATE_PAGE } from '../bench.ts'

export const tokenInUrl: Attack = {
  id: 'token-in-url',
  title: 'A token in the URL',
  promise: 'P6 the store betrays nobody; TRN-03',
  idea: 'Servers that accept a session from the URL let an attacker send the victim a link into a chosen session, and leave tokens in histories, logs and Referer headers.',
  defence:
    'A token is read from its own cookie and nowhere else. One that turns up in a URL is not used, whatever it is worth, and is reported as leaked.',

  async run(bench) {
    const victim = bench.client()
    await bench.step('The guest logs in', async () => bench.signIn(victim, await bench.guests.guest()))
    const reply = await bench.step('Somebody opens the account with the guest’s token in the URL', () =>
      bench.client().get(`${PRIVATE_PAGE}?sid=${victim.token}`),
    )
    return verdict(!isSignedIn(reply), {
      word: 'refused',
      held: 'a token in a URL opens nothing; the shop’s log has a warning that it leaked.',
      broken: 'the URL opened the session.',
    })
  },
}
