import type { Settings } from '../config/settings.ts'

/** Where a proxy beside the server is, and nobody from outside. */
const THIS_MACHINE: readonly string[] = Object.freeze(['127.0.0.0/8', '::1', 'unix'])

/** Whose `X-Forwarded-*` headers count, as the library takes it: those of the setting, or this machine's own. */
export function trustedProxies({ trustProxy }: Pick<Settings, 'trustProxy'>): readonly string[] {
  return trustProxy.length > 0 ? trustProxy : THIS_MACHINE
}
