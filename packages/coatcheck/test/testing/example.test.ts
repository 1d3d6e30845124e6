import { createSessions, field, type SessionsOptions } from 'coatcheck'
import { withSession } from 'coatcheck/fetch'
import { assertNoTokens, createTestSessions, signedIn } from 'coatcheck/testing'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'

// The application: its options in one place, so that tests run with the same.
const options = {
  idleTimeout: '20m',
  data: { notes: field(z.array(z.string()), { default: [] }) },
} as const satisfies Omit<SessionsOptions, 'store'>

function createAppSessions(store: SessionsOptions['store']) {
  return createSessions({ ...options, store })
}

type AppSessions = ReturnType<typeof createAppSessions>

function createApp(sessions: AppSessions) {
  return (request: Request) =>
    withSession(sessions, request, async (session) => {
      session.assertFresh('1h')
      if (request.method === 'POST') session.append('notes', await request.text())
      return Response.json(session.get('notes'))
    })
}

// Its tests.
describe('notes', () => {
  it('are kept from request to request', async () => {
    const { sessions } = createTestSessions(options)
    const app = createApp(sessions)
    const ada = await signedIn(sessions, 'ada')
    const fetchAsAda = ada.wrap((input, init?: RequestInit) => app(new Request(input, init)))

    await fetchAsAda('https://notes.example/', { method: 'POST', body: 'buy milk' })
    const response = await fetchAsAda('https://notes.example/')
    expect(await response.json()).toEqual(['buy milk'])
  })

  it('ask to sign in again after an idle time', async () => {
    const { sessions, environment, events } = createTestSessions(options)
    const app = createApp(sessions)
    const ada = await signedIn(sessions, 'ada')
    const fetchAsAda = ada.wrap((input, init?: RequestInit) => app(new Request(input, init)))

    environment.advance(22 * 60_000)
    const response = await fetchAsAda('https://notes.example/')
    expect(response.status).toBe(401)
    expect(events.of('ended')).toMatchObject([{ userId: 'ada', reason: 'idle' }])
  })

  it('are not half written while the store is down, and nothing tells a token', async () => {
    const { sessions, store, events, errors } = createTestSessions(options)
    const app = createApp(sessions)
    const ada = await signedIn(sessions, 'ada')
    const fetchAsAda = ada.wrap((input, init?: RequestInit) => app(new Request(input, init)))

    store.fail('mutate', undefined, { times: 1 })
    const refused = await fetchAsAda('https://notes.example/', { method: 'POST', body: 'buy milk' })
    expect(refused.status).toBe(503)
    expect(await (await fetchAsAda('https://notes.example/')).json()).toEqual([])

    events.assertNoTokens(ada.tokens)
    assertNoTokens(errors, ada.tokens)
  })
})
