import type { Request, Response } from 'express'
import { type Connection, type Exchange, isForwarded } from '../http/exchange.ts'
import { formFieldOf } from './form-field.ts'
import { NodeExchange, NodePeer, NodeResponseHeaders } from './node-exchange.ts'

/** A request of Express as an exchange. Proxies are trusted as far as the setting `trust proxy` goes. */
export function createExpressExchange(request: Request, response: Response): Exchange {
  return new NodeExchange(request, new NodeResponseHeaders(response), {
    // `url` has lost the path that a router is mounted at.
    url: request.originalUrl,
    connect: () => connectionOf(request),
    formField: (name) => formFieldOf(request.body, name),
  })
}

function connectionOf(request: Request): Connection {
  return {
    encrypted: request.secure,
    host: request.host,
    remoteAddress: request.socket.remoteAddress ?? null,
    address: request.ip ?? null,
    proxy: proxyOf(request),
  }
}

function proxyOf(request: Request): Connection['proxy'] {
  if (!isForwarded(new NodePeer(request))) return 'none'
  const trust: unknown = request.app.get('trust proxy fn')
  const trusted = typeof trust === 'function' && trust(request.socket.remoteAddress, 0) === true
  return trusted ? 'trusted' : 'untrusted-headers'
}
