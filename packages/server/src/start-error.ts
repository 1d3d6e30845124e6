/** Why the server cannot start or a command cannot be done: one sentence for people, without secrets. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/** The code of a failure of the network, the file system or an engine, never its message: that may repeat what was given. */
export function codeOf(error: unknown): string {
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: readonly unknown[] }
  if (typeof code === 'string') return code
  const inner = errors?.[0] ?? cause
  return inner === undefined ? 'unknown reason' : codeOf(inner)
}
