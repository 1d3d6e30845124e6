import { expect, it } from 'vitest'
import { testAuthority } from '../helpers/test-server.ts'

const SESSIONS = 100_000
const AT_ONCE = 64
/** Of one user, beside which everybody else has one. */
const OF_ONE = 1_000

it('CON-04 ends a user and everyone among 100,000 sessions at once, without a loop over them', async () => {
  const { sessions, audit } = await testAuthority()
  const login = (index: number) =>
    sessions.manager.login(null, {
      userId: index < OF_ONE ? 'ada' : `user-${index}`,
      transport: 'bearer',
      context: { userAgent: null, address: null, label: null, fingerprint: 'test' },
      remember: false,
      authentication: { methods: ['pwd'], level: null },
      data: {},
      carry: [],
      operations: [],
      attempt: null,
    })
  let last = ''
  for (let done = 0; done < SESSIONS; done += AT_ONCE) {
    const made = await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => login(done + index)))
    last = made.at(-1)?.session.record.id ?? ''
  }
  await audit.flush()
  const user = await measured('one user', () => sessions.revokeUser('ada'))
  expect((await sessions.list('ada')).sessions).toEqual([])
  expect(await sessions.find(last)).not.toBeNull()
  const everyone = await measured('everyone', () => sessions.revokeEveryone())
  expect(await sessions.find(last)).toBeNull()
  expect(Math.max(user, everyone)).toBeLessThan(1_000)
}, 1_200_000)

/** Milliseconds that it takes. */
async function measured(what: string, work: () => Promise<unknown>): Promise<number> {
  const memory = process.memoryUsage.rss()
  const began = performance.now()
  await work()
  const took = performance.now() - began
  const grown = (process.memoryUsage.rss() - memory) / 1_048_576
  console.log(`${what} among ${SESSIONS} sessions: ${took.toFixed(1)} ms, ${grown.toFixed(1)} MB more`)
  return took
}
