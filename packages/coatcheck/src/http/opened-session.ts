import type { MaybePromise } from '../core/maybe-promise.ts'
import type { Session } from './session.ts'

/**
 * A session open on one exchange, as adapters handle it. The life of an exchange:
 *
 * 1. `openSession(sessions, exchange)`: refusals (CSRF, two tokens, a store that is down) are thrown as errors of ours with
 *    an HTTP `status`, before the handler runs; the adapter gives them to its framework's error path.
 * 2. The handler works with `session`.
 * 3. Just before the headers leave (the first of writeHead, flushHeaders, write, end; or a `Response` that is returned),
 *    the adapter calls `finish()` and lets nothing out until it is done. It commits the writes, decides about
 *    rotation, and puts cookies and cache headers on the exchange's response. It answers synchronously when there is
 *    nothing to wait for, so that a read-only request costs no promise and streaming starts at once. Whoever writes, signs
 *    in or signs out from here on is too late. Where the platform refuses what was prepared after all (a body of a wrong
 *    type), and nothing has left, the next response is finished again, which puts the same headers on it.
 * 4. If `finish()` throws, nothing has left: the adapter discards the prepared response and goes its framework's error
 *    path; the response that this makes is finished again, by the same rule. That second time no data is written, but
 *    cookies of a login, rotation or logout that happened are sent.
 * 5. When the handler throws, the adapter calls `abandon()`: data writes are dropped, and the error's response is
 *    finished as in 4. Where the framework has caught it, the status of its response says so.
 * 6. When the response has ended or the client has gone, the adapter calls `close()`, but never before `finish()`: a
 *    handler that goes on after its client has left commits what it wrote as one.
 */
export interface OpenedSession<D> {
  readonly session: Session<D>
  /** `status`: of the response that is about to leave; one of 500 and above says that the handler failed, whoever caught what it threw. */
  finish(status?: number): MaybePromise<void>
  abandon(): void
  /**
   * Writes that came after `finish` (a streaming handler) and were not committed are reported as lost; the session's signal
   * is watched no longer. Never throws.
   */
  close(): void
}
