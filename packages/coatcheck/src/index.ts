import { NearCache } from './cache/near-cache.ts'
import type { DataDefinition, DataOf } from './core/data-schema.ts'
import type { JsonFields } from './core/json.ts'
import { SessionManager } from './core/manager.ts'
import { resolveCoreOptions } from './core/options.ts'
import { assertPersistentLifetimes, resolveHttpOptions, type SessionsOptions } from './http/http-options.ts'
import { Sessions } from './http/sessions.ts'

/**
 * The sessions of one application over one store. Nothing is opened yet: the first request does, or `sessions.open()`
 * at start-up. Whatever cannot work throws `ConfigError` here, with the option's path.
 *
 * @example
 * ```ts
 * import { createSessions, field } from 'coatcheck'
 * import { sqlite } from 'coatcheck/sqlite'
 * import { z } from 'zod'
 *
 * const sessions = createSessions({
 *   store: sqlite('./data/sessions.db'),
 *   data: {
 *     cart: field(z.array(z.string()), { default: [], carry: true }),
 *     theme: z.enum(['light', 'dark']),
 *   },
 * })
 * ```
 */
export function createSessions<const Definition extends DataDefinition>(
  options: SessionsOptions & { readonly data: Definition },
): Sessions<DataOf<Definition>>
export function createSessions<Data extends object = JsonFields>(
  options: SessionsOptions & { readonly data?: undefined },
): Sessions<Data>
export function createSessions(options: SessionsOptions): Sessions<unknown> {
  const http = resolveHttpOptions(options)
  const core = resolveCoreOptions(options)
  assertPersistentLifetimes(core.lifetimes)
  const cache = core.nearCache && new NearCache(core.nearCache)
  const manager = new SessionManager(core, http.unsafe, cache)
  http.binding?.proofs.attach(manager)
  return new Sessions(manager, http)
}

// Options and data
export { type DataDefinition, type DataOf, type Field, field } from './core/data-schema.ts'
export type { Duration } from './core/duration.ts'
export type { Environment } from './core/environment.ts'
// Errors
export {
  AccessError,
  CoatcheckError,
  ConfigError,
  DataError,
  type ErrorCode,
  isCoatcheckError,
  StoreError,
  UsageError,
} from './core/errors.ts'
// Sessions
export type { RequestContext, SessionEvent, SessionEvents } from './core/events.ts'
export type { LoginAttempt } from './core/issuer.ts'
export type { Json, JsonFields } from './core/json.ts'
export { keyFile, keyRing, keysFromEnv } from './core/key-sources.ts'
export type { KeySource, KeyState, MasterKey } from './core/keys.ts'
export type { SessionManager } from './core/manager.ts'
export { combineMetrics, type Metric, type MetricSample, toPrometheusText } from './core/metrics.ts'
export type { CoreOptions } from './core/options.ts'
export type { Proof } from './core/proof.ts'
export type { ProofError, ProofRequest, ProofVerdict, ProofVerifier } from './core/proof-verifier.ts'
// For authors of stores and adapters
export type * from './core/record.ts'
export type { Authentication, Device, EndReason, SessionId } from './core/record.ts'
export type { SessionInfo, SessionPage } from './core/session-info.ts'
export type { StandardSchema } from './core/standard-schema.ts'
export type * from './core/store.ts'
// Helpers for the application's own responses
export { clearSiteData, type SiteData } from './http/clear-site-data.ts'
export { type Cors, type CorsOptions, createCors } from './http/cors.ts'
export type { PolicyDescription, PolicyRule } from './http/describe-policy.ts'
// Connections that live as long as a session
export {
  createEventStream,
  type EventStream,
  type EventStreamOptions,
  eventStreamResponse,
  type ServerSentEvent,
} from './http/event-stream.ts'
export type { Connection, Exchange, ResponseHeaders } from './http/exchange.ts'
// Other domains
export {
  createHandOff,
  type Departure,
  type HandOff,
  type HandOffIssue,
  type HandOffOptions,
  type HandOffReceipt,
} from './http/hand-off.ts'
export type { HttpOptions, PolicyRequest, RequestPolicy, SessionsOptions } from './http/http-options.ts'
export {
  closeWithSession,
  type Frame,
  type LiveConnection,
  type LiveOptions,
  type LiveSocket,
} from './http/live-socket.ts'
export { openSession } from './http/open-session.ts'
export type { OpenedSession } from './http/opened-session.ts'
export { safeRedirectPath } from './http/redirects.ts'
export {
  contentSecurityPolicy,
  createNonce,
  securityHeaders,
} from './http/security-headers.ts'
export type { LoginOptions, OwnSession, ReauthenticateOptions, Session } from './http/session.ts'
export { type SessionDetails, sessionDetails } from './http/session-details.ts'
export { type SessionStatus, sessionStatus } from './http/session-status.ts'
export type { Sessions } from './http/sessions.ts'
export { createUpgradeTickets, type TicketOptions, type UpgradeTickets } from './http/tickets.ts'
export { type Peer, resolveConnection, type TrustProxy } from './http/trusted-proxies.ts'
