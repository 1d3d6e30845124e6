/** Maps in order, with at most `parallel` under way. */
export async function inTurns<T, R>(
  items: readonly T[],
  parallel: number,
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  const left = [...items.entries()]
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) results[next[0]] = await map(next[1])
  }
  await Promise.all(Array.from({ length: parallel }, work))
  return results
}
