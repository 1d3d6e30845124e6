import type { FastifyRequest } from 'fastify'
import { type Connection, type Exchange, isForwarded, type ResponseHeaders } from '../http/exchange.ts'
import { formFieldOf } from './form-field.ts'
import { NodeExchange, NodePeer } from './node-exchange.ts'

/** A request of Fastify as an exchange. Proxies are trusted as far as the server's option `trustProxy` goes. */
export function createFastifyExchange(request: FastifyRequest, response: ResponseHeaders): Exchange {
  return new NodeExchange(request.raw, response, {
    // `url` is what the option `rewriteUrl` made of it.
    url: request.originalUrl,
    connect: () => connectionOf(request),
    formField: (name) => formFieldOf(request.body, name),
  })
}

function connectionOf(request: FastifyRequest): Connection {
  return {
    encrypted: request.protocol?.toLowerCase() === 'https',
    host: request.host || undefined,
    remoteAddress: request.raw.socket.remoteAddress ?? null,
    address: request.ip ?? null,
    proxy: proxyOf(request),
  }
}

/**
 * Fastify keeps to itself whom it trusts, but shows what it made of their headers. Only a trusted proxy that reports
 * nothing but what the socket shows anyway is not told apart from an untrusted one, which makes no difference.
 */
function proxyOf(request: FastifyRequest): Connection['proxy'] {
  const { socket } = request.raw
  if (!isForwarded(new NodePeer(request.raw))) return 'none'
  const own = 'encrypted' in socket && socket.encrypted === true ? 'https' : 'http'
  const counted =
    (request.ips?.length ?? 0) > 1 || request.protocol !== own || request.host !== hostOf(request)
  return counted ? 'trusted' : 'untrusted-headers'
}

function hostOf({ raw }: FastifyRequest): string {
  return raw.headers.host ?? raw.headers[':authority']?.toString() ?? ''
}
