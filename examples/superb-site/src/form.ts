import type { Request } from 'express'

/** What is wrong with a field of a form, for the person who filled it in. */
export interface Problem {
  /** Name of the input. */
  readonly field: string
  readonly text: string
}

/** A field of a posted form as text; whatever else was sent under that name is as if absent. */
export function formField(request: Request, name: string): string {
  return textIn(request.body, name)
}

/** The same of the address line. */
export function queryField(request: Request, name: string): string {
  return textIn(request.query, name)
}

/** A whole number from `least` to `most`, written in digits; else `null`. */
export function parseCount(text: string, least: number, most: number): number | null {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN
  return count >= least && count <= most ? count : null
}

function textIn(values: unknown, name: string): string {
  if (typeof values !== 'object' || values === null || !Object.hasOwn(values, name)) return ''
  const value = (values as Record<string, unknown>)[name]
  return typeof value === 'string' ? value : ''
}
