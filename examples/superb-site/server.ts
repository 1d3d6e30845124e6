import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Accounts, createDemoAccounts } from './src/accounts.ts'
import { createShop } from './src/app.ts'
import { readSettings } from './src/settings.ts'
import { createShopSessions } from './src/shop-sessions.ts'

/** How long requests under way may take after Ctrl-C, in milliseconds. */
const PATIENCE = 3_000

/** Starts the shop, says where it is and what to try, and ends it cleanly on Ctrl-C. */
async function main(): Promise<void> {
  const settings = readSettings(process.env)
  const sessions = createShopSessions(settings.dataDirectory)
  await sessions.open()
  const accounts = await createDemoAccounts()
  const server = createShop(sessions, accounts).listen(settings.port, settings.host)
  await listening(server, settings.port)
  announce(server.address() as AddressInfo, settings.dataDirectory, accounts)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  console.log('\nClosing: requests under way are finished first.')
  await closed(server)
  await sessions.close()
}

/** Resolves once the server accepts connections; a busy port is said in one sentence. */
async function listening(server: Server, port: number): Promise<void> {
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new Error(`Port ${port} is in use by another program: choose another, as in PORT=4000 npm start.`)
  }
}

async function closed(server: Server): Promise<void> {
  const done = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  setTimeout(() => server.closeAllConnections(), PATIENCE).unref()
  await done
}

function announce({ port }: AddressInfo, dataDirectory: string, accounts: Accounts): void {
  const users = accounts.demo.map(({ name, password }) => `    ${name} / ${password}`).join('\n')
  console.log(`
  Superb Site is open at http://localhost:${port}

  Demo accounts (name / password)
${users}

  Try first: put something into the cart, then log in. The cart comes along under a new token.
  Then log in a second time in a private window, open "Your devices", and end the other session.

  Sessions live in ${dataDirectory} and survive a restart. Ctrl-C stops the shop.
  Safari keeps no Secure cookie on http://localhost: use another browser there, or put HTTPS in front.
`)
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(`The shop cannot start: ${error instanceof Error ? error.message : String(error)}`)
    process.exit(1)
  },
)
