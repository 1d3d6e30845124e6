/**
 * A deeply frozen copy, as text and back: so what is kept is exactly what every other store would keep (`-0` becomes
 * `0`, a key `__proto__` stays a key), and shares nothing with the caller.
 */
export function frozenCopy<T>(value: T): T {
  return deepFreeze(JSON.parse(JSON.stringify(value)) as T)
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner)
    Object.freeze(value)
  }
  return value
}
