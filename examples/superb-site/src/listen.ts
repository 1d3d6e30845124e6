import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How long requests under way may take after Ctrl-C, in milliseconds. */
const PATIENCE = 3_000

export interface Listener {
  readonly port: number
  /** Lets requests under way end. */
  stop(): Promise<void>
}

/** `variable`: where to choose another port, for who is told that this one is taken. */
export async function listen(
  answer: RequestListener,
  { port, host, variable }: { readonly port: number; readonly host: string; readonly variable: string },
): Promise<Listener> {
  const server = createServer(answer).listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new Error(
      `Port ${port} is in use by another program: choose another, as in ${variable}=${port + 1_000} npm start.`,
    )
  }
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const done = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      const patience = setTimeout(() => server.closeAllConnections(), PATIENCE)
      await done
      clearTimeout(patience)
    },
  }
}
