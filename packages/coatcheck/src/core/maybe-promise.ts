/**
 * A value now or later. Validation answers synchronously where the store can (memory, embedded SQLite, a near-cache
 * hit), so that the hot path from header to handler allocates no promise.
 */
export type MaybePromise<T> = T | Promise<T>

/** Applies `next` at once to a value, or after a promise. */
export function chain<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** What `work` comes to; `done` is called once it is there, or has failed, before anybody else hears of that. */
export function finallyOf<T>(work: () => MaybePromise<T>, done: () => void): MaybePromise<T> {
  let value: MaybePromise<T>
  try {
    value = work()
  } catch (error) {
    done()
    throw error
  }
  if (value instanceof Promise) return value.finally(done)
  done()
  return value
}

/** What `work` comes to, or `recover` makes of its failure. */
export function recovering<T>(
  work: () => MaybePromise<T>,
  recover: (error: unknown) => MaybePromise<T>,
): MaybePromise<T> {
  try {
    const value = work()
    return value instanceof Promise ? value.catch(recover) : value
  } catch (error) {
    return recover(error)
  }
}
