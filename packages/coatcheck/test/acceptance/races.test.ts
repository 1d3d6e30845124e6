import { afterEach, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { type Site, startSite } from './express-over-sqlite.ts'

let site: Site

afterEach(() => site.close())

describe('through Express over SQLite', () => {
  it('P2 50 parallel requests that each append to one cart keep all 50', async () => {
    site = await startSite()
    const client = new Client(site)
    await client.post('/login', { user: 'ada' })
    const items = Array.from({ length: 50 }, (_, i) => `item-${i}`)
    const answers = await Promise.all(items.map((item) => client.post(`/cart/${item}`)))
    expect(answers.map(({ status }) => status)).toEqual(items.map(() => 303))
    expect((await client.me()).cart.toSorted()).toEqual(items.toSorted())
  })

  it('P1 of 100 sessions whose logout races a request that writes on its way out, none is alive', async () => {
    const rounds = Array.from({ length: 100 }, (_, i) => `user-${i}`)
    const barrier = new Barriers()
    site = await startSite((app, sessions) => {
      app.post('/slow', async (req, res) => {
        const session = sessions.of(req)
        session.append('cart', 'late')
        barrier.arrive(String(session.userId))
        await barrier.opened(String(session.userId))
        res.json({ ok: true })
      })
    })
    const alive = await Promise.all(rounds.map((user) => logoutDuringWrite(user, barrier)))
    expect(alive.filter((userId) => userId !== null)).toEqual([])
    expect(site.events.filter(({ name }) => name === 'write-dropped')).toHaveLength(rounds.length)
  })

  it('P3 100 parallel requests at the moment of rotation all succeed with one successor', async () => {
    site = await startSite()
    const client = new Client(site)
    await client.post('/login', { user: 'ada' })
    const old = client.token
    site.environment.advance(15 * 60_000)
    const tabs = Array.from({ length: 100 }, () => new Client(site, old))
    const answers = await Promise.all(tabs.map((tab) => tab.get('/me')))
    expect(answers.map(({ body }) => JSON.parse(body).userId)).toEqual(tabs.map(() => 'ada'))
    const successors = new Set(answers.map(({ newToken }) => newToken))
    expect(successors.size).toBe(1)
    expect(successors.has(null)).toBe(false)
    expect(await new Client(site, [...successors][0] ?? null).me()).toMatchObject({ userId: 'ada' })
    expect(site.events.filter(({ name }) => name === 'rotated')).toHaveLength(1)
  })
})

/** Signs in, starts a writing request, signs out while it is held, lets it go; answers who the old token still is. */
async function logoutDuringWrite(user: string, barrier: Barriers): Promise<string | null> {
  const client = new Client(site)
  await client.post('/login', { user })
  const token = client.token
  const slow = new Client(site, token).post('/slow')
  await barrier.arrived(user)
  await client.post('/logout')
  barrier.open(user)
  await slow
  return (await new Client(site, token).me()).userId
}

/** A point per user that a handler reaches and waits at until the test lets it go on. */
class Barriers {
  readonly #arrivals = new Map<string, PromiseWithResolvers<void>>()
  readonly #openings = new Map<string, PromiseWithResolvers<void>>()

  arrive(user: string): void {
    this.#at(this.#arrivals, user).resolve()
  }

  arrived(user: string): Promise<void> {
    return this.#at(this.#arrivals, user).promise
  }

  open(user: string): void {
    this.#at(this.#openings, user).resolve()
  }

  opened(user: string): Promise<void> {
    return this.#at(this.#openings, user).promise
  }

  #at(map: Map<string, PromiseWithResolvers<void>>, user: string): PromiseWithResolvers<void> {
    const point = map.get(user) ?? Promise.withResolvers<void>()
    map.set(user, point)
    return point
  }
}
