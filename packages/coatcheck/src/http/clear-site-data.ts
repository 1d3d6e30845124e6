import { ConfigError } from '../core/errors.ts'

/** What `Clear-Site-Data` can ask a browser to remove. */
export type SiteData =
  /** localStorage, IndexedDB, service workers and the like of this origin. */
  | 'storage'
  /** Everything of this origin in the HTTP cache. Slow in some browsers. */
  | 'cache'
  /** Cookies of the whole registrable domain, sibling applications' among them, and before any `Set-Cookie` of the same response counts. */
  | 'cookies'
  | 'executionContexts'
  | 'clientHints'
  | 'prefetchCache'
  | 'prerenderCache'
  /** All of these, cookies included, and whatever browsers may add. */
  | '*'

const KNOWN: ReadonlySet<SiteData> = new Set([
  'storage',
  'cache',
  'cookies',
  'executionContexts',
  'clientHints',
  'prefetchCache',
  'prerenderCache',
  '*',
])

/**
 * The value of a `Clear-Site-Data` header for the response to a logout (LIO-03). Default storage alone, which belongs
 * to this origin: the session cookie is removed by its own `Set-Cookie`, and sibling applications keep theirs. Browsers
 * obey over HTTPS only. An unknown or missing type throws `ERR_OPTION`.
 */
export function clearSiteData(types: readonly SiteData[] = ['storage']): string {
  if (types.length === 0 || types.some((type) => !KNOWN.has(type))) {
    throw new ConfigError(
      'ERR_OPTION',
      `clearSiteData takes one or more of ${[...KNOWN].map((type) => `'${type}'`).join(', ')}.`,
    )
  }
  return [...new Set(types)].map((type) => `"${type}"`).join(', ')
}
