import { UsageError } from './errors.ts'

/**
 * What hangs on sessions and is kept as sessions of another kind has users of its own, so that it is neither listed nor
 * limited among them. Their ids begin with this, which no application's user id may.
 */
const MARK = '\u0001'

const MAX_LENGTH = 256

/** How the ids of the users of one kind of inner session begin. */
export function innerUsersOf(kind: string): string {
  return `${MARK}${kind}${MARK}`
}

/** Throws `ERR_USAGE` for what is no user id here: `innerUsers` is how those of inner sessions begin, `null` for an application. */
export function assertUserId(userId: unknown, innerUsers: string | null): asserts userId is string {
  if (typeof userId === 'string') {
    const own = userId.slice(innerUsers?.length ?? 0)
    const begins = innerUsers === null ? !userId.startsWith(MARK) : userId.startsWith(innerUsers)
    if (begins && own.length > 0 && own.length <= MAX_LENGTH) return
  }
  throw new UsageError(
    'ERR_USAGE',
    `A user id must be a string of 1 to ${MAX_LENGTH} characters, the first of which is not U+0001.`,
  )
}
