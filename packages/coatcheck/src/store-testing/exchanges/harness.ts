import type { MaybePromise } from '../../core/maybe-promise.ts'
import type { SessionStore } from '../../core/store.ts'
import type { Mode } from '../../core/validator.ts'
import type { Session } from '../../http/session.ts'
import type { Sessions } from '../../http/sessions.ts'

/** The session data of the application that the table is about. */
export interface ExchangeData {
  theme: string
  notice: string
  cart: string[]
  visits: number
}

/** What an adapter or its framework may lack; cases that need it are left out then. */
export type Feature =
  /** The application can send its headers by `writeHead(status, headers)`. */
  | 'write-head'
  /** The application can have an error handler of its own. */
  | 'error-handler'
  /** The headers leave at the handler's first `write`, not when it has returned a response. */
  | 'late-calls'
  /** The adapter learns when the response has been sent or the client has gone. */
  | 'end-of-response'
  /** WebSockets. */
  | 'upgrade'

/**
 * What the author of an adapter provides so that the table can be run: a server on a free port of 127.0.0.1 that
 * serves routes through the adapter, over plain HTTP.
 */
export interface ExchangeHarness {
  readonly features: readonly Feature[]
  start(application: ExchangeApplication): Promise<ServedOrigin>
}

export interface ExchangeApplication {
  readonly sessions: Sessions<ExchangeData>
  readonly routes: readonly Route[]
  /**
   * With an error handler of the application's own: it takes every header off the response, whoever set it, and answers
   * the error's `status` (500 where it has none). Otherwise with what the framework or the adapter does by default.
   */
  readonly errorHandler: boolean
  /** Told what nobody else is told, instead of printing it. */
  readonly onError: (error: unknown) => void
  /**
   * With WebSockets at any path: a connection is greeted with the user id as a text message (`nobody` without a user),
   * and closed when the session ends.
   */
  readonly upgrades: boolean
}

export interface ServedOrigin {
  /** `http://127.0.0.1:port` */
  readonly origin: string
  close(): Promise<void>
}

/** A route as every framework could have it. `path` is matched exactly, without its query. */
export interface Route {
  readonly method: string
  readonly path: string
  /** How the session is opened. Default `full`. */
  readonly mode?: Mode
  handle(turn: Turn): unknown
}

export interface Turn {
  readonly session: Session<ExchangeData>
  readonly request: RouteRequest
  readonly response: ResponseWriter
}

export interface RouteRequest {
  header(name: string): string | undefined
  /** Settles when the response has been sent or the client has gone. */
  readonly over: Promise<void>
}

/** The little of a response that all frameworks can do. Nothing is sent before `flush`, `write` or `end`. */
export interface ResponseWriter {
  status(code: number): void
  header(name: string, value: string): void
  /** A `Set-Cookie` of the application's own, besides those that are there. */
  cookie(setCookie: string): void
  /** Where the harness has the feature `write-head`. */
  writeHead(status: number, headers: Readonly<Record<string, string>>): void
  flush(): void
  /** `false` where the writer should wait for `drained`. */
  write(chunk: string): boolean
  drained(): Promise<void>
  end(body?: string): void
}

/**
 * Makes an empty store that nobody else uses; `dispose` removes what closing it leaves behind. `nearCache`: as the option
 * of that name, where a case does not say otherwise.
 */
export type CreateExchangeStore = () => MaybePromise<{
  readonly store: SessionStore
  readonly nearCache?: boolean
  dispose?(): MaybePromise<void>
}>
