import { once } from 'node:events'
import type { DemoAccount } from './src/demo-accounts.ts'
import { listen } from './src/listen.ts'
import { openShop } from './src/open-shop.ts'
import { type SessionServer, startSessionServer } from './src/session-server.ts'
import { readSettings } from './src/settings.ts'

/** Starts the shop and, beside it, the session server with its applications; says where they are and what to try, and ends them cleanly on Ctrl-C. */
async function main(): Promise<void> {
  const { port, host, dataDirectory, serverPort } = readSettings(process.env)
  const shop = await openShop(dataDirectory)
  const listener = await listen(shop.app, { port, host, variable: 'PORT' })
  const beside = serverPort === null ? null : await startSessionServer({ dataDirectory, port: serverPort })
  announce(listener.port, dataDirectory, shop.demoAccounts)
  if (beside) announceServer(beside)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  console.log('\nClosing: requests under way are finished first.')
  shop.endStreams()
  await beside?.stop()
  await listener.stop()
  await shop.close()
}

function announce(port: number, dataDirectory: string, demoAccounts: readonly DemoAccount[]): void {
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
  const { addresses, pagesAddress, adminAddress, setupLinkFile } = server
  const accounts = server.accounts.map(({ name, password }) => `    ${name} / ${password}`)
  console.log(`
  One log-in for several applications

    the accounts server    ${addresses.accounts}
    the shop once more     ${addresses.shop}    without accounts of its own: you sign in at the server
    reviews                ${addresses.reviews}    another application, with its own sessions and store
    pages without sessions ${pagesAddress}    the server's forward-auth stands in front of them

  Accounts there (name / password)
${accounts.join('\n')}

  Try next
    1. Sign in at ${addresses.shop}, then at ${addresses.reviews}: no second password.
    2. Write a review of something in the shop: it brings it to the reviews in your name, with an access token.
    3. Log out at the reviews: the shop is signed out at your next click. Or the other way round.
    4. Open ${pagesAddress}${server.hasPython ? ', and the page in Python behind it' : ' (a page in Python is there, too, where python3 is installed)'}: you are sent to the log-in, and back.
    5. ${setupLinkFile === null ? `Administration: ${adminAddress}` : `Make the first administrator by the link in ${setupLinkFile}`}
`)
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(`The shop cannot start: ${error instanceof Error ? error.message : String(error)}`)
    process.exit(1)
  },
)
