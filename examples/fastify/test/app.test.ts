import { createTestSessions, signedIn } from 'coatcheck/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { createApp } from '../app.ts'
import type { SessionData } from '../sessions.ts'

const { sessions, environment, store } = createTestSessions<SessionData>()
const app = await createApp(sessions)
afterAll(() => app.close())

describe('the application', () => {
  it('shows the account to a signed-in user', async () => {
    const ada = await signedIn(sessions, 'user-1')
    const answer = await app.inject({ url: '/account', headers: ada.headers })
    expect(answer.statusCode).toBe(200)
    expect(answer.body).toContain('Only ada')
  })

  it('asks for a new login after half an hour without a request', async () => {
    const ada = await signedIn(sessions, 'user-1')
    environment.advance(32 * 60_000)
    expect((await app.inject({ url: '/api/me', headers: ada.headers })).statusCode).toBe(401)
  })

  it('answers 503 while the store is down, and forgets nobody', async () => {
    const ada = await signedIn(sessions, 'user-1')
    store.fail('find')
    expect((await app.inject({ url: '/api/me', headers: ada.headers })).statusCode).toBe(503)
    store.heal()
    expect((await app.inject({ url: '/api/me', headers: ada.headers })).statusCode).toBe(200)
  })
})
