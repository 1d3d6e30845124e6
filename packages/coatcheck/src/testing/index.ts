export { CookieJar } from './cookie-jar.ts'
export { FakeEnvironment } from './fake-environment.ts'
export {
  type FailOptions,
  type FaultOptions,
  FaultyStore,
  type StoreCall,
  type StoreMethod,
} from './faulty-store.ts'
export { RecordedEvents } from './recorded-events.ts'
export type { AnyResponse } from './responses.ts'
export { type SignedInOptions, signedIn } from './signed-in.ts'
export { type RequestBuilder, TestAgent } from './test-agent.ts'
export { createTestSessions, type TestSessions, type TestSessionsOptions } from './test-sessions.ts'
export { assertNoTokens } from './token-leaks.ts'
