import { ConfigError } from '../../core/errors.ts'
import type { Script } from './scripts.ts'

/** How many replicas must have what a script wrote, and how long they are waited for. */
export interface Confirmation {
  readonly replicas: number
  readonly milliseconds: number
}

/** The user's client, as far as this store calls it. */
export interface Driver {
  /** Runs a script where its keys are; what it answers. Sends its text where the server does not know its name. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>

  /**
   * The same, and then `WAIT` behind it on the very same connection, since it counts what that connection has written.
   * `replicas` are those that have it. Where a redirection came between, nothing is said about replicas (`null`): the
   * script, which must be one that may be repeated, is run again.
   */
  runConfirmed(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    confirmation: Confirmation,
  ): Promise<{ readonly answer: unknown; readonly replicas: number | null }>

  /** The servers that take writes, as the client knows them at this moment. */
  primaries(): readonly Primary[]

  /** Calls `listener` whenever the client has come to another connection or another server; returns what stops it. */
  onChange(listener: () => void): () => void
}

/** A server that takes writes. */
export interface Primary {
  /** Where it is, among those of one client. */
  readonly name: string
  /** Begins a connection of its own to it, set up as the user's client is. */
  connect(events: LineEvents): Line
}

/**
 * A connection that carries the feed of changes and nothing else, in RESP3, so that commands can follow subscriptions. Once
 * it is broken it stays so: no driver may make it again behind our back, since what was told meanwhile would be missing.
 */
export interface Line {
  /** Resolves once commands can be sent. */
  readonly ready: Promise<void>
  /** Sends a command behind all that was sent before. */
  send(command: readonly string[]): Promise<unknown>
  /** Subscribes to a sharded channel. Resolves once the server has confirmed it. */
  subscribe(channel: string): Promise<unknown>
  close(): void
}

export interface LineEvents {
  /** Synchronously, in the order in which the server sent messages and answers. */
  message(channel: string, text: string): void
  /** The server may have taken back a subscription, because the slot of its channel has gone elsewhere. */
  moved(): void
  broken(error: unknown): void
}

/** Throws for what stands in for a client and cannot make another one. */
export function assertDuplicable(client: { readonly duplicate?: unknown }): void {
  if (typeof client.duplicate === 'function') return
  throw new ConfigError(
    'ERR_STORE_SETTING',
    'The feed of changes needs a Redis client with its method duplicate: hand over the client itself, or set nearCache: false.',
  )
}

/** What both packages' clients are: emitters of events. */
interface Emitter {
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
}

/** `onChange` for an emitter of these events. */
export function listen(client: Emitter, events: readonly string[], listener: () => void): () => void {
  for (const event of events) client.on(event, listener)
  return () => {
    for (const event of events) client.off(event, listener)
  }
}
