import { once } from 'node:events'
import { Agent, type ClientRequest, type IncomingMessage, request as startRequest } from 'node:http'
import { CookieJar } from './cookie-jar.ts'

/** Where a shop listens, and by what name browsers know it. */
export interface ShopAddress {
  readonly address: string
  readonly port: number
}

export interface Sent {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly form: Readonly<Record<string, string>> | null
}

export interface Reply {
  readonly status: number
  readonly location: string | null
  readonly setCookies: readonly string[]
  readonly body: string
}

export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** In place of the jar's: for requests that no honest browser sends. */
  readonly cookie?: string
}

/** Somebody at the other end of a connection: a jar, and real HTTP to the shop. Tells `record` of every exchange. */
export class LabClient {
  readonly jar: CookieJar
  readonly #at: ShopAddress
  readonly #userAgent: string
  readonly #record: (sent: Sent, reply: Reply) => void

  constructor(
    at: ShopAddress,
    userAgent: string,
    record: (sent: Sent, reply: Reply) => void,
    token?: string,
  ) {
    this.#at = at
    this.#userAgent = userAgent
    this.#record = record
    this.jar = new CookieJar(token)
  }

  /** The session's token that the jar holds. */
  get token(): string {
    return this.jar.token ?? ''
  }

  get(path: string, options: SendOptions = {}): Promise<Reply> {
    const sent = this.#prepare('GET', path, null, options)
    const request = this.#start(sent)
    request.end()
    return this.#receive(request, sent)
  }

  async post(path: string, form: Record<string, string> = {}, options: SendOptions = {}): Promise<Reply> {
    const sent = this.#prepare('POST', path, form, options)
    const request = this.#start(sent)
    request.end(bodyOf(sent))
    return this.#receive(request, sent)
  }

  /**
   * Sends the headers of a form and waits until the server has begun to work on them ("100 Continue"); the body follows
   * when `release` is called. By then the shop has read the session, as it does for any client with a slow line.
   */
  async hold(path: string, form: Record<string, string>): Promise<{ release(): Promise<Reply> }> {
    const sent = this.#prepare('POST', path, form, { headers: { expect: '100-continue' } })
    const request = this.#start(sent)
    request.flushHeaders()
    await once(request, 'continue')
    return {
      release: () => {
        request.end(bodyOf(sent))
        return this.#receive(request, sent)
      },
    }
  }

  #prepare(
    method: string,
    path: string,
    form: Record<string, string> | null,
    { headers = {}, cookie = this.jar.header }: SendOptions,
  ): Sent {
    const own = method === 'GET' ? {} : { origin: `http://localhost:${this.#at.port}` }
    return { method, path, form, headers: { ...own, ...headers, ...(cookie === '' ? {} : { cookie }) } }
  }

  #start(sent: Sent): ClientRequest {
    const { address, port } = this.#at
    return startRequest({
      host: address,
      port,
      method: sent.method,
      path: sent.path,
      // Node's own: `localhost` may stand for two addresses, and the shop listens on one.
      headers: {
        host: `localhost:${port}`,
        accept: 'text/html',
        'user-agent': this.#userAgent,
        ...(sent.form && {
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': String(Buffer.byteLength(bodyOf(sent))),
        }),
        ...sent.headers,
      },
      agent: new Agent({ keepAlive: false }),
      timeout: PATIENCE,
    }).on('timeout', function (this: ClientRequest) {
      this.destroy(new Error('The shop did not answer the lab in time.'))
    })
  }

  async #receive(request: ClientRequest, sent: Sent): Promise<Reply> {
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.setEncoding('utf8')
    let body = ''
    for await (const chunk of response) body += chunk
    const { statusCode: status = 0, headers } = response
    const reply = {
      status,
      location: headers.location ?? null,
      setCookies: headers['set-cookie'] ?? [],
      body,
    }
    this.jar.receive(reply.setCookies)
    this.#record(sent, reply)
    return reply
  }
}

const PATIENCE = 5_000

function bodyOf({ form }: Sent): string {
  return new URLSearchParams(form ?? {}).toString()
}
