import type { Context } from 'koa'
import { type Connection, type Exchange, hasForwardingHeaders } from '../http/exchange.ts'
import { formFieldOf } from './form-field.ts'
import { NodeExchange, NodeResponseHeaders } from './node-exchange.ts'

/** A request of Koa as an exchange. Proxies are trusted where `app.proxy` says so; `proxyIpHeader` and `maxIpsCount` count. */
export function createKoaExchange(context: Context): Exchange {
  const { req, res, request, originalUrl } = context
  return new NodeExchange(req, new NodeResponseHeaders(res), {
    // `url` has lost the path that an application is mounted at.
    url: originalUrl,
    connect: () => connectionOf(context),
    // Body parsers put it there; none belongs to Koa.
    formField: (name) => formFieldOf(Reflect.get(request, 'body'), name),
  })
}

function connectionOf(context: Context): Connection {
  return {
    encrypted: context.secure,
    host: context.host || undefined,
    remoteAddress: context.socket.remoteAddress ?? null,
    address: context.ip || null,
    proxy: proxyOf(context),
  }
}

function proxyOf(context: Context): Connection['proxy'] {
  const { proxy, proxyIpHeader } = context.app
  const header = (name: string) => context.req.headers[name]?.toString()
  if (!hasForwardingHeaders(header) && header(proxyIpHeader.toLowerCase()) === undefined) return 'none'
  return proxy ? 'trusted' : 'untrusted-headers'
}
