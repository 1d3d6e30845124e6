import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ServerProcess } from '../helpers/server-process.ts'
import type { Written } from '../helpers/test-server.ts'
import { APPLICATION, Journey } from './oauth-storm.ts'

const PASSWORD = 'nine quiet harpsichords'
const USERS = 4

/** Two processes over one store, of which one after the other is killed at work. `settings` answers those of a store that is empty. */
export function oauthKillCases(
  engine: string,
  settings: () => Promise<Written & { readonly dataDirectory: string }>,
): void {
  describe(`applications and two servers of which one is killed, ${engine}`, () => {
    let written: Awaited<ReturnType<typeof settings>>
    let servers: ServerProcess[] = []

    beforeAll(async () => {
      written = { publicUrl: 'http://accounts.localhost', trustProxy: '127.0.0.1', ...(await settings()) }
      servers = await Promise.all([ServerProcess.start(written), ServerProcess.start(written)])
    })

    afterAll(() => Promise.all(servers.map((server) => server.kill())))

    it('P3 OA-03 RT-02 RT-06 no code or token is taken twice, and nobody is signed out', async () => {
      // The admin socket belongs to whichever process has it: what needs it comes before anything is killed.
      expect(await servers[0]?.administer('/clients', APPLICATION)).toBe(201)
      const journeys = await Promise.all(
        Array.from({ length: USERS }, async (_, index) => {
          expect(await servers[0]?.createAccount(`rider-${index}`, PASSWORD)).toBe(true)
          return new Journey(() => servers, `rider-${index}`, PASSWORD, index)
        }),
      )
      let ending = false
      const done = () => journeys.reduce((sum, journey) => sum + journey.done, 0)
      const riding = journeys.map(async (journey) => {
        while (!ending) await journey.round()
      })
      for (const index of [0, 1]) {
        const before = done()
        await expect.poll(done, { timeout: 60_000, interval: 20 }).toBeGreaterThan(before + 6)
        await servers[index]?.kill()
        await expect.poll(done, { timeout: 60_000, interval: 20 }).toBeGreaterThan(before + 12)
        servers = servers.with(index, await ServerProcess.start(written))
      }
      ending = true
      await Promise.all(riding)
      expect(journeys.flatMap(({ wrong }) => wrong)).toEqual([])
      expect(journeys.reduce((sum, { retried }) => sum + retried, 0)).toBeGreaterThan(0)
      for (const journey of journeys) await nothingIsTakenTwice(journey)
    }, 180_000)
  })
}

async function nothingIsTakenTwice(journey: Journey): Promise<void> {
  const next = await journey.refresh(journey.newest)
  expect(next).toMatchObject({ refresh_token: expect.any(String) })
  expect(await journey.authorize('v'.repeat(43))).not.toBeNull()
  for (const { code = '', verifier = '', token } of journey.used) {
    const again = token === undefined ? journey.redeem(code, verifier) : journey.refresh(token)
    expect(await again).toMatchObject({ error: 'invalid_grant' })
  }
}
