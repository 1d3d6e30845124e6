import * as openid from 'openid-client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { importEverything } from '../../src/admin/moving.ts'
import type { Settings } from '../../src/config/settings.ts'
import { testSettings } from '../helpers/test-server.ts'
import { postgresDatabases } from '../oidc/postgres.ts'
import { redeem, type Sso, start, startSso } from '../oidc/sso.ts'
import { iterate, linesOf } from './moving-cases.ts'

const databases = postgresDatabases()

beforeAll(() => databases.start())
afterAll(() => databases.stop())

it('everything goes from SQLite to PostgreSQL and back, and applications go on', async () => {
  const elsewhere = await databases.fresh()
  const { keys = '' } = elsewhere
  const here = testSettings({ keys })
  const there = testSettings(elsewhere)
  const back = testSettings({ keys })
  const sso = await startSso({ keys, dataDirectory: here.dataDirectory })
  const shop = await sso.application()
  const sessionId = await fill(sso)
  const browser = sso.browser()
  await browser.logIn()
  const started = await start(shop, { scope: 'openid offline_access', prompt: 'consent' })
  const consent = await browser.submit(await browser.go(started.url), { decision: 'allow' })
  const tokens = await redeem(shop, started, consent.url)
  await sso.authority.audit.flush()

  const lines = await move(here, there)
  expect(tablesOf(lines)).toEqual([
    'coatcheck_accounts',
    'coatcheck_audit',
    'coatcheck_devices',
    'coatcheck_documents',
    'coatcheck_identities',
    'coatcheck_oauth_artifacts',
    'coatcheck_oauth_clients',
    'coatcheck_oauth_consents',
    'coatcheck_oauth_logins',
    'coatcheck_oauth_participants',
  ])
  const lines2 = await move(there, back)
  expect(rowsOf(lines2)).toEqual(rowsOf(lines))
  expect(rowsOf(await linesOf(back))).toEqual(rowsOf(lines))

  const moved = await startSso({
    ...{ store: there.store, keys, dataDirectory: there.dataDirectory },
    publicUrl: sso.issuer,
    port: '0',
  })
  shop.config[openid.customFetch] = (url, init) =>
    fetch(url.replace(sso.issuer, moved.address), init as RequestInit)
  const refreshed = await openid.refreshTokenGrant(shop.config, tokens.refresh_token ?? '')
  expect(refreshed.access_token).toBeTruthy()
  expect(await moved.authority.sessions.find(sessionId)).toMatchObject({ userId: sso.userId })
})

/** What a journey leaves besides; answers the id of a session. */
async function fill({ authority, userId, browser }: Sso): Promise<string> {
  const { accounts, database } = authority
  await accounts.create({ name: 'chief', password: null, admin: true, claims: { role: 'Chefin' } })
  await accounts.devices.remember(null, userId)
  await database.run(
    'INSERT INTO coatcheck_identities VALUES ($1, $2, $3, $4, $5)',
    ...['https://idp.example', 'a subject', userId, 'a label', 1_800_000_000_000],
  )
  return browser().logIn()
}

async function move(from: Settings, to: Settings): Promise<string[]> {
  const lines = await linesOf(from)
  await importEverything(to, iterate(lines))
  return lines
}

/** But for what imports record themselves. */
function rowsOf(lines: readonly string[]): string[] {
  const rows = lines.map((line) => JSON.parse(line)).filter(({ of }) => of === 'row')
  return rows
    .filter(({ entry }) => entry.row.event !== 'data.imported')
    .map(({ entry }) => JSON.stringify([entry.table, Object.entries(entry.row).toSorted()]))
    .toSorted()
}

function tablesOf(lines: readonly string[]): string[] {
  const tables = lines.map((line) => JSON.parse(line).entry?.table).filter((table) => table !== undefined)
  return [...new Set<string>(tables)].toSorted()
}
