import type { Environment } from 'coatcheck'
import type { Express } from 'express'
import { Accounts } from './accounts.ts'
import { createShop } from './app.ts'
import { systemClock } from './clock.ts'
import { openDatabase } from './database.ts'
import { type DemoAccount, openDemoAccounts } from './demo-accounts.ts'
import { openTwin } from './lab/twin.ts'
import { type OneLoginOptions, openOneLogin } from './one-login/one-login.ts'
import { Orders } from './orders.ts'
import { createShopSessions, type ShopSessions } from './shop-sessions.ts'

export interface OpenShop {
  readonly app: Express
  readonly sessions: ShopSessions
  readonly demoAccounts: readonly DemoAccount[]
  /** Ends what would stay open for as long as a page does, so that the server can close. */
  endStreams(): void
  close(): Promise<void>
}

export interface OpenShopOptions {
  /** All clocks are its. */
  readonly environment?: Environment
  /** Default: the shop has accounts of its own, and keeps to itself. */
  readonly oneLogin?: OneLoginOptions
}

/** Opens everything that the shop keeps in a directory, which is made at the first start. */
export async function openShop(
  dataDirectory: string,
  { environment, oneLogin }: OpenShopOptions = {},
): Promise<OpenShop> {
  const clock = environment ?? systemClock
  const sessions = createShopSessions(dataDirectory, environment ? { environment } : {})
  await sessions.open()
  const database = openDatabase(dataDirectory)
  const accounts = new Accounts(database, clock)
  const closing = new AbortController()
  return {
    app: createShop({
      sessions,
      accounts,
      orders: new Orders(database, clock),
      clock,
      closing: closing.signal,
      openTwin: () => openTwin(openShop),
      oneLogin: oneLogin ? openOneLogin({ ...oneLogin, sessions, accounts }) : null,
    }),
    sessions,
    demoAccounts: oneLogin ? [] : await openDemoAccounts(accounts),
    endStreams: () => closing.abort(),
    async close() {
      await sessions.close()
      database.close()
    },
  }
}
