/**
 * A value now or later. Validation answers synchronously where the store can (memory, embedded SQLite, a near-cache
 * hit), so that the hot path from header to handler allocates no promise.
 */
export type MaybePromise<T> = T | Promise<T>

/** Applies `next` at once to a value, or after a promise. */
export function chain<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}
