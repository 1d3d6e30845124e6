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

/** Whether a session of this user is one of a manager's own kind. */
export function isUserOf(innerUsers: string | null, userId: string | null): boolean {
  return innerUsers === null ? !userId?.startsWith(MARK) : (userId?.startsWith(innerUsers) ?? false)
}

/** Throws `ERR_USAGE` for what is no user id here: `innerUsers` is how those of inner sessions begin, `null` for an application. */
export function assertUserId(userId: unknown, innerUsers: string | null): asserts userId is string {
  if (typeof userId === 'string') {
    const length = userId.length - (innerUsers?.length ?? 0)
    if (isUserOf(innerUsers, userId) && length > 0 && length <= MAX_LENGTH) return
  }
  throw new UsageError(
    'ERR_USAGE',
    `A user id must be a string of 1 to ${MAX_LENGTH} characters, the first of which is not U+0001.`,
  )
}
