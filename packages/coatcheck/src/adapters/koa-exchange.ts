import type { Context } from 'koa'
import { type Connection, type Exchange, isForwarded } from '../http/exchange.ts'
import { formFieldOf } from './form-field.ts'
import { NodeExchange, NodePeer, NodeResponseHeaders } from './node-exchange.ts'

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
    address: addressOf(context),
    proxy: proxyOf(context),
  }
}

/**
 * The address that the nearest proxy tells, or as many before it as `maxIpsCount` says. Without that Koa's own `ctx.ip` is the first
 * in the header, which proxies that append theirs have from the client: whatever it likes.
 */
function addressOf({ app, ip, ips }: Context): string | null {
  return (app.maxIpsCount > 0 ? ip : (ips.at(-1) ?? ip)) || null
}

function proxyOf(context: Context): Connection['proxy'] {
  const { proxy, proxyIpHeader } = context.app
  const peer = new NodePeer(context.req)
  if (!isForwarded(peer) && peer.header(proxyIpHeader.toLowerCase()) === undefined) return 'none'
  return proxy ? 'trusted' : 'untrusted-headers'
}
