import { safeRedirectPath } from 'coatcheck'
import type { Settings } from '../config/settings.ts'

/**
 * Where a browser goes on after a login or logout: a path of this very origin, or an address at one of `hosts`; anything else
 * becomes the fallback (LIO-10). The answer is the target's own text.
 */
export function returnTarget(
  target: string | null | undefined,
  { publicUrl, hosts }: Pick<Settings, 'publicUrl' | 'hosts'>,
  fallback: string,
): string {
  if (!target) return fallback
  for (const origin of [publicUrl.origin, ...hosts]) {
    const rest = target.slice(origin.length) || '/'
    if (target.startsWith(origin) && safeRedirectPath(rest, '/') === rest) return origin + rest
  }
  return safeRedirectPath(target, fallback)
}
