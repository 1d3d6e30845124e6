// biome-ignore-all lint/complexity/noUselessLoneBlockStatements: each block is one test of types
import { createSessions, field, type SessionsOptions } from 'coatcheck'
import { createTestSessions, signedIn } from 'coatcheck/testing'
import { expectTypeOf } from 'vitest'
import { z } from 'zod'

const options = {
  idleTimeout: '20m',
  data: { cart: field(z.array(z.string()), { default: [] }), theme: z.enum(['light', 'dark']) },
} as const satisfies Omit<SessionsOptions, 'store'>

// Test sessions have the type that the same options have in production.
{
  const { sessions, store } = createTestSessions(options)
  const production = createSessions({ ...options, store })
  expectTypeOf(sessions).toEqualTypeOf(production)
}

// The agent's fields are those of the sessions.
{
  const { sessions } = createTestSessions(options)
  signedIn(sessions, 'ada', { data: { cart: ['hat'], theme: 'dark' } })
  // @ts-expect-error not one of the two themes
  signedIn(sessions, 'ada', { data: { theme: 'blue' } })
  // @ts-expect-error no such field is declared
  signedIn(sessions, 'ada', { data: { basket: [] } })
}

// Recorded events are told apart by name.
{
  const { events } = createTestSessions()
  expectTypeOf(events.of('ended')[0]?.reason).toExtend<string | undefined>()
  // @ts-expect-error there is no such event
  events.of('end')
}

// An agent speaks through the fetch of the platform as it is.
{
  const { sessions } = createTestSessions()
  signedIn(sessions, 'ada').then((agent) => {
    expectTypeOf(agent.wrap(fetch)).returns.resolves.toEqualTypeOf<Response>()
  })
}
