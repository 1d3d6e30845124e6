// biome-ignore-all lint/complexity/noUselessLoneBlockStatements: each block is one test of types
import { createSessions, type SessionEvent } from 'coatcheck'
import { memory } from 'coatcheck/memory'
import { expectTypeOf } from 'vitest'

const sessions = createSessions({ store: memory() })

// A listener knows its event by the name that it subscribed to.
{
  const off = sessions.on('reused', (event) => {
    expectTypeOf(event.cause).toEqualTypeOf<'settled' | 'older-generation' | 'windows-exhausted'>()
    expectTypeOf(event.userId).toEqualTypeOf<string | null>()
    // @ts-expect-error of another event
    event.reason
  })
  expectTypeOf(off).toEqualTypeOf<() => void>()
  // @ts-expect-error there is no such event
  sessions.on('reuse', () => {})
}

// A listener of all events tells them apart by name.
{
  sessions.on('*', (event) => {
    expectTypeOf(event).toEqualTypeOf<SessionEvent>()
    if (event.name === 'ended') expectTypeOf(event.reason).toExtend<string>()
    // @ts-expect-error not every event has a reason
    event.reason
  })
}
