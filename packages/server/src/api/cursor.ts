import { ProblemError } from '../http/problem.ts'
import { sha256 } from '../system.ts'

const CHECK_LENGTH = 8

/** A store's cursor as services get it: one that was cut or made up is told from it before a store fails over it. */
export function toCursor(cursor: string | null, userId: string): string | null {
  return cursor === null ? null : `${checkOf(cursor, userId)}.${cursor}`
}

export function fromCursor(text: string | undefined, userId: string): string | null {
  if (text === undefined) return null
  const cursor = text.slice(CHECK_LENGTH + 1)
  if (text === toCursor(cursor, userId)) return cursor
  throw new ProblemError({
    status: 400,
    code: 'invalid-request',
    detail: 'The cursor is none of this list.',
  })
}

function checkOf(cursor: string, userId: string): string {
  return sha256(`${userId}\n${cursor}`).slice(0, CHECK_LENGTH)
}
