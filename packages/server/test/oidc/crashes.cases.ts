import * as openid from 'openid-client'
import { expect, it, onTestFinished } from 'vitest'
import type { Authority } from '../../src/authority.ts'
import type { Database, Transaction } from '../../src/storage/database.ts'
import type { Written } from '../helpers/test-server.ts'
import { startListener } from './listener.ts'
import { type Application, letIn, redeem, start, startTwo } from './sso.ts'

/** More than any of these requests writes. */
const MOST_WRITES = 30

/** The same on every engine: one of two processes dies after each of the writes of a request, the other one goes on. */
export function crashCases(written: () => Promise<Written>): void {
  it('P3 RT-06 a process that dies anywhere in a refresh costs nobody their login, and the token is good at the other', async () => {
    const { one, shop, other, browser } = await open(await written())
    const deaths = await dieAtEachWrite(one.authority, async (dies) => {
      const { refresh_token: token = '' } = await letIn(browser, other)
      const died = await dies(() => openid.refreshTokenGrant(shop.config, token))
      const next = await openid.refreshTokenGrant(other.config, token)
      const again = await openid.refreshTokenGrant(other.config, next.refresh_token ?? '')
      await expect(openid.refreshTokenGrant(other.config, token)).rejects.toMatchObject({
        error: 'invalid_grant',
      })
      expect(again.refresh_token).toBeDefined()
      return died
    })
    expect(deaths).toBeGreaterThan(1)
  })

  it('P3 OA-03 a process that dies anywhere in the use of a code leaves it good once or not at all, and the user signed in', async () => {
    const { one, shop, other, browser } = await open(await written())
    const deaths = await dieAtEachWrite(one.authority, async (dies) => {
      const started = await start(other)
      const { url } = await browser.go(started.url)
      const died = await dies(() => redeem(shop, started, url))
      const twice = [0, 1].map(() => redeem(other, started, url).then(Boolean, () => false))
      const taken = (await Promise.all(twice)).filter(Boolean).length + (died ? 0 : 1)
      expect(taken).toBeLessThanOrEqual(1)
      await expect(letIn(browser, other, { prompt: 'none' })).resolves.toBeDefined()
      return died
    })
    expect(deaths).toBeGreaterThan(1)
  })

  it('SSO-04 a process that dies anywhere in a logout loses no notice to an application', async () => {
    const listener = await startListener()
    const { one, two, other, browser } = await open(await written(), listener.url('/shop'))
    let logouts = 0
    const deaths = await dieAtEachWrite(one.authority, async (dies) => {
      const sessionId = await browser.logIn()
      await letIn(browser, other)
      // So that no process is told of it, and each has to find it.
      await two.authority.sessions.manager.store.call(
        'end',
        sessionId as never,
        { reason: 'revoked' } as never,
      )
      const died = await dies(() => one.authority.oauth.sweep())
      // What the dead one has claimed is taken over later; here, at once.
      await two.authority.database.run('UPDATE coatcheck_oauth_logouts SET next_at = 0')
      await two.authority.oauth.sweep()
      logouts += 1
      expect(new Set((await listener.wait(logouts)).map(({ sid }) => sid)).size).toBe(logouts)
      return died
    })
    expect(deaths).toBeGreaterThan(1)
  })
}

async function open(written: Written, backchannelLogoutUri: string | null = null) {
  const { one, other: two } = await startTwo(written, 'other')
  const shop = await one.application({ backchannelLogoutUri, development: true })
  const other = { ...shop, config: configAt(shop, two.address, one.issuer) }
  const browser = two.browser()
  await browser.logIn()
  return { one, two, shop, other, browser }
}

/** The same application, whose requests go to another process. */
function configAt({ id, secret, config }: Application, address: string, issuer: string) {
  const authentication = openid.ClientSecretBasic(secret ?? '')
  const other = new openid.Configuration(config.serverMetadata(), id, undefined, authentication)
  openid.allowInsecureRequests(other)
  other[openid.customFetch] = (url, init) => fetch(url.replace(issuer, address), init as RequestInit)
  return other
}

/**
 * `attempt` is made again and again; in each, what it gives to `dies` meets a process that is gone from its first, second, ... write on.
 * Ends when nothing is left to die of; answers how often it died.
 */
async function dieAtEachWrite(
  { database }: Authority,
  attempt: (dies: (work: () => Promise<unknown>) => Promise<boolean>) => Promise<boolean>,
): Promise<number> {
  const { all, run, transaction } = database
  onTestFinished(() => void Object.assign(database, { all, run, transaction }))
  for (let writes = 0; writes < MOST_WRITES; writes++) {
    const died = await attempt(async (work) => {
      const left = { writes, dead: false }
      Object.assign(database, mortal(database, { all, run, transaction }, left))
      await work().catch(() => {})
      Object.assign(database, { all, run, transaction })
      return left.dead
    })
    if (!died) return writes
  }
  throw new Error('It writes more often than expected.')
}

function mortal(
  database: Database,
  alive: Pick<Database, 'all' | 'run' | 'transaction'>,
  left: { writes: number; dead: boolean },
): Pick<Database, 'all' | 'run' | 'transaction'> {
  const step = (sql: string) => {
    if (left.dead || (!/^\s*SELECT/.test(sql) && left.writes-- <= 0)) {
      left.dead = true
      throw new Error('The process is gone.')
    }
  }
  const within = (inner: Transaction): Transaction => ({
    all: async (sql, ...parameters) => {
      step(sql)
      return inner.all(sql, ...parameters)
    },
    run: async (sql, ...parameters) => {
      step(sql)
      return inner.run(sql, ...parameters)
    },
  })
  const bound = within({ all: alive.all.bind(database), run: alive.run.bind(database) })
  return {
    ...bound,
    transaction: (work) => alive.transaction.call(database, (t) => work(within(t))) as never,
  }
}
