import { expect, it } from 'vitest'
import { exposeSession } from '../../src/http/expose-session.ts'
import { skippedSession } from '../../src/http/skipped-session.ts'
import { createSessions } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'

const sessions = createSessions<{ theme: string }>({ store: memory() })

it('the session of a request that is skipped refuses every use', () => {
  const session = skippedSession(sessions)
  expect(() => session.userId).toThrow(expect.objectContaining({ code: 'ERR_NO_SESSION_CONTEXT' }))
  expect(() => session.set('theme', 'dark')).toThrow(
    expect.objectContaining({ code: 'ERR_NO_SESSION_CONTEXT' }),
  )
})

it('a session is exposed read-only, and never over another property', () => {
  const carrier: { session?: unknown } = {}
  const session = skippedSession(sessions)
  exposeSession(carrier, 'session', session)
  expect(carrier.session).toBe(session)
  expect(() => {
    carrier.session = null
  }).toThrow(TypeError)
  expect(() => exposeSession(carrier, 'session', session)).toThrow("already has a property 'session'")
  class Request {
    get session() {
      return undefined
    }
  }
  expect(() => exposeSession(new Request(), 'session', session)).toThrow("already has a property 'session'")
})
