import { type PgPool, type RunStatement, toRunStatement } from './client.ts'
import type { Connection, Hearing } from './connection.ts'

/** What a `Pool` of `pg` makes its connections with. */
interface MakingPool extends PgPool {
  readonly Client: new (options: unknown) => Client
  readonly options: object
}

/** What is needed of a `Client` of `pg`; the native one does not show its socket. */
interface Client extends PgPool {
  connect(done: (error?: unknown) => void): void
  on(event: 'notification', listener: (message: { readonly payload?: string }) => void): unknown
  on(event: 'error' | 'end', listener: (error?: unknown) => void): unknown
  end(done: () => void): void
  unref?(): void
  readonly connection?: { readonly stream?: Stream }
}

interface Stream {
  destroy(): void
  destroySoon?(): void
}

export function isPgPool(client: object): client is MakingPool {
  return 'Client' in client && typeof client.Client === 'function' && 'options' in client
}

export class PgConnection implements Connection {
  readonly run: RunStatement
  readonly #client: Client
  #isConnected = false

  constructor(pool: MakingPool, { heard, broken }: Hearing) {
    // The pool's own options, not a copy: a copy would lack the password, which is hidden in them.
    const client = new pool.Client(pool.options)
    this.#client = client
    this.run = toRunStatement(client)
    client.on('notification', ({ payload = '' }) => heard(payload))
    client.on('error', broken)
    client.on('end', () => broken(new Error('The connection has ended.')))
    client.connect((error) => {
      if (error) broken(error)
      else this.#isConnected = true
    })
  }

  unref(): void {
    this.#client.unref?.()
  }

  end(): void {
    const stream = this.#client.connection?.stream
    this.#client.end(() => {})
    if (this.#isConnected && stream?.destroySoon) stream.destroySoon()
    else stream?.destroy()
  }
}
