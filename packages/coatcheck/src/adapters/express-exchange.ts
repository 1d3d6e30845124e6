import type { Request, Response } from 'express'
import { type Connection, type Exchange, isForwarded } from '../http/exchange.ts'
import { formFieldOf } from './form-field.ts'
import { NodeExchange, NodePeer, type NodePlatform, NodeResponseHeaders } from './node-exchange.ts'

/** A request of Express as an exchange. Proxies are trusted as far as the setting `trust proxy` goes. */
export function createExpressExchange(request: Request, response: Response): Exchange {
  return new NodeExchange(request, new NodeResponseHeaders(response), new ExpressPlatform(request))
}

class ExpressPlatform implements NodePlatform {
  readonly #request: Request

  constructor(request: Request) {
    this.#request = request
  }

  /** Since `url` has lost the path that a router is mounted at. */
  get url(): string {
    return this.#request.originalUrl
  }

  connect(): Connection {
    return new ExpressConnection(this.#request)
  }

  formField(name: string): string | undefined {
    return formFieldOf(this.#request.body, name)
  }
}

/** What Express makes of a request, at a price that is paid when somebody asks: `ip` is what a whole hit costs besides. */
class ExpressConnection implements Connection {
  /** Read at once: from then on Node knows it, and `ip` goes by it, also when the socket is closed. */
  readonly remoteAddress: string | null
  readonly #request: Request

  constructor(request: Request) {
    this.remoteAddress = request.socket.remoteAddress ?? null
    this.#request = request
  }

  get encrypted(): boolean {
    return this.#request.secure
  }

  get host(): string | undefined {
    return this.#request.host
  }

  get address(): string | null {
    return this.#request.ip ?? null
  }

  get proxy(): Connection['proxy'] {
    const { app } = this.#request
    if (!isForwarded(new NodePeer(this.#request))) return 'none'
    const trust: unknown = app.get('trust proxy fn')
    const trusted = typeof trust === 'function' && trust(this.remoteAddress, 0) === true
    return trusted ? 'trusted' : 'untrusted-headers'
  }
}
