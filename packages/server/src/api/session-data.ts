import type { z } from '@hono/zod-openapi'
import type { JsonFields, Operation, SessionId } from 'coatcheck'
import type { Authority } from '../authority.ts'
import { NOT_FOUND, ProblemError } from '../http/problem.ts'
import { randomText, sha256 } from '../system.ts'
import { assertNotReserved } from './make-session.ts'
import type { DataChange } from './schemas.ts'

export interface StoredData {
  readonly data: JsonFields
  readonly version: number
}

/** The data of a session by its id. Throws 404 and, where it has ended, 410. */
export async function readData({ sessions }: Authority, id: string): Promise<StoredData> {
  const found = await sessions.manager.lookUp(id as SessionId)
  if (found.status === 'live') return toData(found.record)
  throw found.status === 'ended' ? gone(found.tombstone) : new ProblemError(NOT_FOUND)
}

export interface DataWrite extends z.infer<typeof DataChange> {
  /** `null`: this call is made once. */
  readonly idempotencyKey: string | null
  readonly caller: string
  /** From `If-Match`. */
  readonly ifMatch: number | null
}

/** Changes the data of a session, all of it or nothing, and once under one `Idempotency-Key`, as long as the session remembers. */
export async function changeData(
  { sessions, environment }: Authority,
  id: string,
  { operations, ifVersion, ifMatch, idempotencyKey, caller }: DataWrite,
): Promise<StoredData> {
  assertNotReserved(operations.map(({ field }) => field))
  const { manager } = sessions
  const version = ifVersion ?? ifMatch ?? undefined
  const result = await manager.store.call('mutate', id as SessionId, operations.map(toOperation), {
    operationId:
      idempotencyKey === null
        ? randomText(environment, 12)
        : sha256(`${caller}\n${idempotencyKey}\n${JSON.stringify(operations)}`),
    maxBytes: manager.settings.maxDataBytes,
    ...(version !== undefined && { ifVersion: version }),
  })
  switch (result.outcome) {
    case 'ok':
      return toData(result.record)
    case 'conflict':
      throw conflict(result.record.version, ifVersion === undefined ? 412 : 409)
    case 'gone':
      throw result.tombstone === null ? new ProblemError(NOT_FOUND) : gone(result.tombstone)
    default:
      throw rejected(result)
  }
}

function toOperation({ op, ...rest }: DataWrite['operations'][number]): Operation {
  return { kind: op, ...rest } as Operation
}

function toData({ data, version }: StoredData): StoredData {
  const own = Object.entries(data).filter(([name]) => !name.startsWith('\u0001'))
  return { data: Object.fromEntries(own), version }
}

export function gone({
  endedAt,
  reason,
}: {
  readonly endedAt: number
  readonly reason: string
}): ProblemError {
  return new ProblemError({
    status: 410,
    code: 'session-ended',
    detail: 'The session has ended.',
    more: { endedAt, reason },
  })
}

function conflict(version: number, status: 409 | 412): ProblemError {
  return new ProblemError({
    status,
    code: 'version-conflict',
    detail: 'The data has been changed since.',
    more: { version },
  })
}

function rejected({
  field,
  cause,
}: {
  readonly field: string
  readonly cause: 'type' | 'size'
}): ProblemError {
  const tooLarge = cause === 'size'
  return new ProblemError({
    status: tooLarge ? 413 : 422,
    code: tooLarge ? 'ERR_DATA_TOO_LARGE' : 'ERR_FIELD_TYPE',
    detail: tooLarge
      ? 'The data would be longer than a session may keep.'
      : 'An operation does not fit the value of its field.',
    more: { field },
  })
}
