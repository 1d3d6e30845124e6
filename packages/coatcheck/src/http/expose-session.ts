import { UsageError } from '../core/errors.ts'
import type { Session } from './session.ts'

/**
 * Puts the session on a request or context object, read-only. A property that is taken, by another session library
 * for instance, throws `ERR_USAGE`: whoever came second would otherwise read or save the other's object.
 */
export function exposeSession<D>(carrier: object, property: string, session: Session<D>): void {
  if (property in carrier) throw propertyTaken(property)
  Object.defineProperty(carrier, property, { value: session, configurable: true, enumerable: true })
}

export function propertyTaken(property: string): UsageError {
  return new UsageError(
    'ERR_USAGE',
    `The request already has a property '${property}'; give the middleware another name, or property: false and sessions.of(request).`,
  )
}
