import type { Readable } from 'node:stream'

/** What a command sees of its process: that itself, or a test's. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: { write(text: string): unknown; once(event: 'drain', listener: () => void): unknown }
  readonly stderr: { write(text: string): unknown }
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  off(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
}

/** The exit codes of every command. */
export const DONE = 0
/** It could not be done, or there is no such thing. */
export const FAILED = 1
/** It was asked for in a wrong way. */
export const MISUSED = 2
