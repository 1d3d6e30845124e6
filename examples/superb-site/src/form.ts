import type { Request } from 'express'

/** A field of a posted form as text; whatever else was sent under that name is as if absent. */
export function formField(request: Request, name: string): string {
  const body: unknown = request.body
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, name)) return ''
  const value = (body as Record<string, unknown>)[name]
  return typeof value === 'string' ? value : ''
}
