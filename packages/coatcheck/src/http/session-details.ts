import type { JsonFields } from '../core/json.ts'
import { type SessionInfo, toSessionInfo } from '../core/session-info.ts'
import { RequestSession } from './request-session.ts'
import type { Session } from './session.ts'

/** A request's session and all of its data, for services that pass it on; never a token or a secret. */
export interface SessionDetails {
  readonly info: SessionInfo
  /** Every field, with this request's own writes. Frozen. */
  readonly data: JsonFields
  /** +1 at each write of data that was stored. */
  readonly version: number
  /** Milliseconds left of both limits. */
  readonly remaining: { readonly idle: number; readonly absolute: number }
}

/** Everything of a request's session at once; `null` while nothing is stored. `ERR_USAGE` for what is no session of a request. */
export function sessionDetails<D>(session: Session<D>): SessionDetails | null {
  const found = RequestSession.look(session)
  if (found === null) return null
  const { active, data } = found
  const { record } = active
  return Object.freeze({
    info: toSessionInfo(record),
    data: applicationsOwn(data),
    version: record.version,
    remaining: active.remaining(),
  })
}

/** Without what is kept between the application's fields for other purposes: no field of an application's begins so. */
function applicationsOwn(data: JsonFields): JsonFields {
  for (const field in data) {
    if (field.startsWith(INNER)) {
      return Object.freeze(
        Object.fromEntries(Object.entries(data).filter(([name]) => !name.startsWith(INNER))),
      )
    }
  }
  return Object.freeze(data)
}

const INNER = '\u0001'
