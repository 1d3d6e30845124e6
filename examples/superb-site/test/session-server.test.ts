import { readFileSync, statSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import { Guest } from './one-login/guest.ts'
import { CAROL } from './one-login/stage.ts'
import { type ShopProcess, startShop, temporaryDirectory } from './shop-process.ts'

const data = temporaryDirectory()
let shop: ShopProcess | null = null
afterEach(async () => {
  await shop?.interrupt()
  data.dispose()
})

it('stands beside the shop with all around it, ends with it on Ctrl-C, and comes back with the same accounts and sessions', async () => {
  const guest = new Guest()
  const first = await start()
  await pagesAreForMembers(guest, first)
  const [file = ''] = /\S+setup-link/.exec(first.shop.output) ?? []
  expect(statSync(file).mode & 0o077).toBe(0)
  const setup = await fetch(readFileSync(file, 'utf8').trim())
  expect([setup.status, await setup.text()]).toEqual([200, expect.stringContaining('<form')])
  const page = await guest.signIn(first.application, first.accounts, CAROL)
  expect(page.body).toContain('Welcome, carol')
  // The first shop has accounts of its own.
  expect((await guest.send(first.shop.origin)).body).toContain('Sign up')
  expect((await first.shop.interrupt()).code).toBe(0)

  const second = await start()
  expect((await guest.send(`${second.application}/`)).body).toContain('Log out carol')
  // Other ports are other addresses, at which the application is known now.
  const other = new Guest()
  expect((await other.signIn(second.application, second.accounts, CAROL)).body).toContain('Welcome, carol')
  expect((await second.shop.interrupt()).code).toBe(0)
})

/** They know nothing of sessions, and are open to whoever is signed in. */
async function pagesAreForMembers(guest: Guest, { accounts, pages }: Started): Promise<void> {
  expect((await guest.send(`${pages}/`)).status).toBe(302)
  const asked = await guest.go(`${pages}/`)
  expect(asked.url).toContain(`${accounts}/login?return_to=`)
  const page = await guest.logIn(asked, CAROL)
  expect([page.url, page.status, page.body.includes('Only for members')]).toEqual([`${pages}/`, 200, true])
  expect((await guest.send(`${accounts}/logout`, { form: {} })).status).toBeLessThan(400)
  expect((await guest.send(`${pages}/`)).status).toBe(302)
}

interface Started {
  readonly shop: ShopProcess
  readonly accounts: string
  readonly pages: string
  /** The shop that has no accounts of its own. */
  readonly application: string
}

async function start(): Promise<Started> {
  const started = await startShop(data.path, { SERVER_PORT: '0' })
  shop = started
  await expect.poll(() => started.output, { timeout: 30_000 }).toContain('Try next')
  const addressOf = (name: string) =>
    new RegExp(`http://${name}\\.localhost:\\d+`).exec(started.output)?.[0] ?? ''
  return {
    shop: started,
    accounts: addressOf('accounts'),
    pages: addressOf('pages'),
    application: addressOf('shop'),
  }
}
