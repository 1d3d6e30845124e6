import { isIP } from 'node:net'
import type { MiddlewareHandler } from 'hono'
import type { Authority } from '../authority.ts'
import { isLoopback } from '../config/loopback.ts'
import { problemResponse } from '../http/problem.ts'

/**
 * Lets requests pass that name this listener as their host. A name of somebody else that resolves to this machine (DNS
 * rebinding) would make his page one of the same origin as the console; addresses and `localhost` are no names of anybody's.
 * The `Origin` of what a page sends must be that very host, whatever the method.
 */
export function ownHostsOnly({ settings }: Authority): MiddlewareHandler {
  const { adminUrl } = settings
  return async (c, next) => {
    const host = URL.parse(`http://${c.req.header('host') ?? ''}`)
    if (host === null || !isOwn(host.hostname, adminUrl)) return problemResponse(UNKNOWN_HOST)
    const origin = c.req.header('origin')
    // Of a form on a page with `no-referrer` browsers send `Origin: null`; where it comes from they say in `Sec-Fetch-Site`.
    const ownForm = origin === 'null' && c.req.header('sec-fetch-site') === 'same-origin'
    const foreign =
      origin !== undefined && URL.parse(origin)?.host !== host.host && origin !== adminUrl?.origin
    if (foreign && !ownForm) {
      return problemResponse(FOREIGN_ORIGIN)
    }
    return next()
  }
}

function isOwn(hostname: string, adminUrl: URL | null): boolean {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(bare) !== 0 || isLoopback(hostname) || hostname === adminUrl?.hostname
}

const UNKNOWN_HOST = {
  status: 421,
  code: 'unknown-host',
  detail: 'This listener does not go by that name: use the address in admin-url.',
}

const FOREIGN_ORIGIN = {
  status: 403,
  code: 'foreign-origin',
  detail: 'This comes from a page of another origin.',
}
