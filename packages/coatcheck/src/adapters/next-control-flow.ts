/** `redirect()`, `notFound()`, `forbidden()` and `unauthorized()` throw what Next tells from errors by its digest. */
export function isControlFlow(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('digest' in error)) return false
  return typeof error.digest === 'string' && CONTROL_FLOW_DIGEST.test(error.digest)
}

const CONTROL_FLOW_DIGEST = /^NEXT_(?:REDIRECT|HTTP_ERROR_FALLBACK|NOT_FOUND)(?:;|$)/
