/** What is wrong with a parsed JSON value, in words that tell where and nothing of what is there; `null` where it fits. */
export type Shape = (value: unknown, path: string) => string | null

export const text: Shape = (value, path) => (typeof value === 'string' ? null : `${path} is no text`)

export const finiteNumber: Shape = (value, path) => (Number.isFinite(value) ? null : `${path} is no number`)

/** 0, 1, 2, ... */
export const wholeCount: Shape = (value, path) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? null : `${path} is no whole number`

export function exactly(expected: string | number): Shape {
  return (value, path) => (value === expected ? null : `${path} is not ${expected}`)
}

export function oneOfWords(words: readonly string[]): Shape {
  return (value, path) => (words.includes(value as string) ? null : `${path} is none of ${words.join(', ')}`)
}

export function nullOr(shape: Shape): Shape {
  return (value, path) => (value === null ? null : shape(value, path))
}

export function arrayOf(shape: Shape): Shape {
  return (value, path) => {
    if (!Array.isArray(value)) return `${path} is no array`
    return firstFault(Array.from(value, (item) => shape(item, path)))
  }
}

/** An object with these keys and no others. */
export function object(fields: { readonly [name: string]: Shape }): Shape {
  const names = Object.keys(fields)
  return (value, path) => {
    if (!isObject(value)) return `${path} is no object`
    const missing = names.find((name) => !Object.hasOwn(value, name))
    if (missing !== undefined) return `${path}.${missing} is missing`
    if (Object.keys(value).length > names.length) return `${path} has a key too many`
    return firstFault(Object.entries(fields).map(([name, shape]) => shape(value[name], `${path}.${name}`)))
  }
}

/** An object whose keys are somebody else's business. */
export const anyObject: Shape = (value, path) => (isObject(value) ? null : `${path} is no object`)

function firstFault(faults: readonly (string | null)[]): string | null {
  return faults.find((fault) => fault !== null) ?? null
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
