import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ResponseWriter, RouteRequest } from '../../../src/store-testing/exchanges/harness.ts'

/** A response of Node's, which is Express' too, as routes of the table write it. */
export class NodeWriter implements ResponseWriter {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  status(code: number): void {
    this.#response.statusCode = code
  }

  header(name: string, value: string): void {
    this.#response.setHeader(name, value)
  }

  cookie(setCookie: string): void {
    this.#response.appendHeader('Set-Cookie', setCookie)
  }

  writeHead(status: number, headers: Readonly<Record<string, string>>): void {
    this.#response.writeHead(status, headers)
  }

  flush(): void {
    this.#response.flushHeaders()
  }

  write(chunk: string): boolean {
    return this.#response.write(chunk)
  }

  async drained(): Promise<void> {
    await once(this.#response, 'drain')
  }

  end(body?: string): void {
    this.#response.end(body)
  }
}

export function nodeRequest(request: IncomingMessage, response: ServerResponse): RouteRequest {
  const over = Promise.withResolvers<void>()
  response.once('close', () => over.resolve())
  return {
    header: (name) => request.headers[name]?.toString(),
    over: over.promise,
  }
}
