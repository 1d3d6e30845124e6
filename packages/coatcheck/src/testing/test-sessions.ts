import type { DataDefinition, DataOf } from '../core/data-schema.ts'
import type { JsonFields } from '../core/json.ts'
import type { SessionStore } from '../core/store.ts'
import type { SessionsOptions } from '../http/http-options.ts'
import type { Sessions } from '../http/sessions.ts'
import { createSessions } from '../index.ts'
import { memory } from '../stores/memory.ts'
import { FakeEnvironment } from './fake-environment.ts'
import { FaultyStore } from './faulty-store.ts'
import { RecordedEvents } from './recorded-events.ts'

export interface TestSessionsOptions extends Omit<SessionsOptions, 'store' | 'environment'> {
  /** Default `memory()`. It is wrapped, so that it can be made to fail. */
  readonly store?: SessionStore
  /** Default a fresh one. Give the same one to sessions that share a store. */
  readonly environment?: FakeEnvironment
}

export interface TestSessions<D> {
  readonly sessions: Sessions<D>
  /** The clock that the sessions live by: `environment.advance(60_000)`. */
  readonly environment: FakeEnvironment
  /** The store; can be told to fail, to hang and to be slow, and knows what it was asked. */
  readonly store: FaultyStore
  /** What happened. */
  readonly events: RecordedEvents
  /** What was reported to `onError`, oldest first. */
  readonly errors: readonly unknown[]
}

/**
 * Sessions for tests: in memory, on a clock that moves only when told to, with their events recorded and no background
 * sweep (unless `sweepInterval` asks for one). All other options and defaults are those of `createSessions`; give the
 * options of the application.
 *
 * @example
 * ```ts
 * import { createTestSessions, signedIn } from 'coatcheck/testing'
 *
 * const { sessions, environment, events } = createTestSessions({ idleTimeout: '10m' })
 * const agent = await signedIn(sessions, 'ada')
 * environment.advance(11 * 60_000)
 * await sessions.sweep()
 * events.of('ended').map(({ sessionId, reason }) => reason === 'idle' && sessionId === agent.sessionId)
 * ```
 */
export function createTestSessions<const Definition extends DataDefinition>(
  options: TestSessionsOptions & { readonly data: Definition },
): TestSessions<DataOf<Definition>>
export function createTestSessions<Data extends object = JsonFields>(
  options?: TestSessionsOptions & { readonly data?: undefined },
): TestSessions<Data>
export function createTestSessions(options: TestSessionsOptions = {}): TestSessions<unknown> {
  const environment = options.environment ?? new FakeEnvironment()
  const store = new FaultyStore(options.store ?? memory())
  environment.settleWith(() => store.idle())
  const errors: unknown[] = []
  const onError = (error: unknown) => {
    errors.push(error)
    options.onError?.(error)
  }
  const { data, ...others } = { sweepInterval: false as const, ...options, store, environment, onError }
  const sessions: Sessions<unknown> = data ? createSessions({ ...others, data }) : createSessions(others)
  const events = new RecordedEvents((listener) => sessions.on('*', listener))
  return { sessions, environment, store, events, errors }
}
