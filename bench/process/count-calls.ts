type Method = (...args: readonly unknown[]) => unknown

/** Puts a counter before methods of an object; the answer takes the count so far and starts over. */
export function countCalls(target: object, methods: readonly string[]): () => number {
  let calls = 0
  const object = target as Record<string, Method>
  for (const name of methods) {
    const original = object[name]
    if (typeof original !== 'function') throw new Error(`The store has no method ${name}.`)
    object[name] = (...args) => {
      calls++
      return original.apply(target, args as unknown[])
    }
  }
  return () => {
    const taken = calls
    calls = 0
    return taken
  }
}
