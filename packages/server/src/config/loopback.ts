import { isIP } from 'node:net'

/** Whether a host is this machine, for browsers too. */
export function isLoopback(name: string): boolean {
  const host = name.replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) !== 0) return host === '::1' || host.startsWith('127.')
  return host === 'localhost' || host.endsWith('.localhost')
}
