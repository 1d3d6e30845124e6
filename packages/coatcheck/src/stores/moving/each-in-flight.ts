/** Calls under way at once: enough to fill the round trips of one connection, few enough to leave room for others. */
const IN_FLIGHT = 16

/**
 * Does `work` for each item, several at a time. What fails first is thrown, as is what the source of items throws; either
 * way no work is under way any more when this settles, and what had begun was done.
 */
export async function eachInFlight<T>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const running = new Set<Promise<void>>()
  const failures: unknown[] = []
  const start = async (item: T) => {
    try {
      await work(item)
    } catch (error) {
      failures.push(error)
    }
  }
  try {
    for await (const item of items) {
      const one = start(item).finally(() => running.delete(one))
      running.add(one)
      if (running.size >= IN_FLIGHT) await Promise.race(running)
      if (failures.length > 0) break
    }
  } finally {
    await Promise.all(running)
  }
  if (failures.length > 0) throw failures[0]
}
