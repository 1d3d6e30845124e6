import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { DemoAccount } from './src/demo-accounts.ts'
import { openShop } from './src/open-shop.ts'
import { type SessionServer, startSessionServer } from './src/session-server.ts'
import { readSettings } from './src/settings.ts'

/** How long requests under way may take after Ctrl-C, in milliseconds. */
const PATIENCE = 3_000

/** Starts the shop and the session server beside it, says where they are and what to try, and ends them cleanly on Ctrl-C. */
async function main(): Promise<void> {
  const settings = readSettings(process.env)
  const shop = await openShop(settings.dataDirectory)
  const server = shop.app.listen(settings.port, settings.host)
  await listening(server, settings.port)
  const { dataDirectory, serverPort } = settings
  const beside = serverPort === null ? null : await startSessionServer({ dataDirectory, port: serverPort })
  announce(server.address() as AddressInfo, dataDirectory, shop.demoAccounts)
  if (beside) announceServer(beside)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  console.log('\nClosing: requests under way are finished first.')
  shop.endStreams()
  await beside?.stop()
  await closed(server)
  await shop.close()
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

function announce({ port }: AddressInfo, dataDirectory: string, demoAccounts: readonly DemoAccount[]): void {
  const address = `http://localhost:${port}`
  const accounts = demoAccounts.map(({ name, password, changed }) =>
    changed ? `    ${name}, whose password has been changed` : `    ${name} / ${password}`,
  )
  console.log(`
  Superb Site is open at ${address}

  Demo accounts (name / password)
${accounts.join('\n')}

  Try first
    1. Put something into the cart, then log in: the cart comes along under a new token.
    2. Look at the panel at the foot of the page: it tells what just happened to your session.
    3. Log in again in a private window, open "Your devices" and log the other one out.
    4. Go to the checkout and press "Place the order" twice: there is one order.
    5. Attack the shop yourself: ${address}/lab

  Everything is kept in ${dataDirectory} and survives a restart. Ctrl-C stops the shop.
  Safari keeps no Secure cookie on http://localhost: use another browser there, or put HTTPS in front.
`)
}

function announceServer(server: SessionServer): void {
  const accounts = server.accounts.map(({ name, password }) => `    ${name} / ${password}`)
  console.log(`
  The session server, for services in any language, is at ${server.address}
  Pages that know nothing of sessions, behind its forward-auth: ${server.pagesAddress}

  Its demo accounts (name / password)
${accounts.join('\n')}

  Try next
    1. Open ${server.pagesAddress}: you are sent to the login of the server, and back.
    2. ${server.hasPython ? `Open ${server.pagesAddress}/python/: a page in Python that is told who you are.` : 'Install python3 to have a page in Python behind it, too.'}
    3. Log out at ${server.address}/account: the pages are closed at your next click.
${server.setupLinkFile === null ? `    4. Administration: ${server.adminAddress}` : `    4. Make the first administrator by the link in ${server.setupLinkFile}`}
`)
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(`The shop cannot start: ${error instanceof Error ? error.message : String(error)}`)
    process.exit(1)
  },
)
