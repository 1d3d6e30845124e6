import type { ResponseWriter } from '../../../src/store-testing/exchanges/harness.ts'

/** Makes a `Response` as late as the route allows: at its first piece, or at its end. */
export class FetchWriter implements ResponseWriter {
  readonly #response = Promise.withResolvers<Response>()
  readonly #headers = new Headers()
  #status = 200
  #stream: ReadableStreamDefaultController<Uint8Array> | null = null
  #drained = Promise.withResolvers<void>()

  get response(): Promise<Response> {
    return this.#response.promise
  }

  status(code: number): void {
    this.#status = code
  }

  header(name: string, value: string): void {
    this.#headers.set(name, value)
  }

  cookie(setCookie: string): void {
    this.#headers.append('Set-Cookie', setCookie)
  }

  writeHead(): never {
    throw new TypeError('A Response has no writeHead.')
  }

  flush(): void {
    this.#begin()
  }

  write(chunk: string): boolean {
    const stream = this.#begin()
    stream.enqueue(new TextEncoder().encode(chunk))
    if ((stream.desiredSize ?? 0) > 0) return true
    this.#drained = Promise.withResolvers<void>()
    return false
  }

  drained(): Promise<void> {
    return this.#drained.promise
  }

  end(body?: string): void {
    if (!this.#stream) {
      this.#respond(body ?? null)
      return
    }
    if (body !== undefined) this.#stream.enqueue(new TextEncoder().encode(body))
    this.#stream.close()
  }

  fail(error: unknown): void {
    if (this.#stream) this.#stream.error(error)
    else this.#response.reject(error)
  }

  #begin(): ReadableStreamDefaultController<Uint8Array> {
    if (this.#stream) return this.#stream
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#stream = controller
      },
      pull: () => this.#drained.resolve(),
    })
    this.#respond(body)
    return this.#begin()
  }

  #respond(body: string | ReadableStream | null): void {
    this.#response.resolve(new Response(body, { status: this.#status, headers: this.#headers }))
  }
}
