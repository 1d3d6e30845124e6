import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createTestSessions, signedIn } from 'coatcheck/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApp } from '../app.ts'
import type { SessionData } from '../sessions.ts'

const { sessions, environment, store } = createTestSessions<SessionData>()
const server = createApp(sessions).listen(0)
let origin: string

beforeAll(async () => {
  if (!server.listening) await once(server, 'listening')
  origin = `http://localhost:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())

describe('the application', () => {
  it('shows the account to a signed-in user', async () => {
    const ada = await signedIn(sessions, 'user-1')
    const answer = await ada.wrap(fetch)(`${origin}/account`)
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('Only ada')
  })

  it('asks for a new login after half an hour without a request', async () => {
    const ada = await signedIn(sessions, 'user-1')
    environment.advance(32 * 60_000)
    expect((await ada.wrap(fetch)(`${origin}/api/me`)).status).toBe(401)
  })

  it('answers 503 while the store is down, and forgets nobody', async () => {
    const ada = await signedIn(sessions, 'user-1')
    store.fail('find')
    expect((await ada.wrap(fetch)(`${origin}/api/me`)).status).toBe(503)
    store.heal()
    expect((await ada.wrap(fetch)(`${origin}/api/me`)).status).toBe(200)
  })
})
