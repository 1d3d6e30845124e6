import { describe, expect, it } from 'vitest'
import { LEFT_TABLES, MOVED_TABLES } from '../../src/admin/moved-tables.ts'
import { importEverything } from '../../src/admin/moving.ts'
import type { Settings } from '../../src/config/settings.ts'
import { testAuthority, testSettings } from '../helpers/test-server.ts'
import { iterate, linesOf, open } from './moving-cases.ts'

const KEYS = `0:${Buffer.alloc(32, 7).fill(9, 3, 20).toString('base64url')}`
const HEAD = '{"of":"export","entry":{"format":2}}'
const END = '{"of":"end","entry":{}}'
const ACCOUNT = {
  ...{ id: 'eve', name: 'eve', name_key: 'eve', password: null, claims: '{}' },
  ...{ admin: 1, disabled: 0, created_at: 1, password_changed_at: null },
}

describe('an import', () => {
  it.each([
    ['hunter2'],
    [END],
    [HEAD, 'hunter2', END],
    [HEAD, '{"of":"row","entry":{"table":"hunter2","row":{}}}', END],
    [HEAD, row('coatcheck_migrations', { id: 'hunter2' }), END],
    [HEAD, row('coatcheck_setup', { hash: 'hunter2', expires_at: 9e15 }), END],
    [HEAD, row('coatcheck_accounts', { ...ACCOUNT, 'id) SELECT hunter2 --': 1 }), END],
    [HEAD, row('coatcheck_accounts', { ...ACCOUNT, admin: 'hunter2' }), END],
    [HEAD, row('coatcheck_accounts', { ...ACCOUNT, claims: { hunter2: 1 } }), END],
    [HEAD, '{"of":"row","entry":{"table":"coatcheck_accounts"}}', END],
    [HEAD, '{"of":"session","entry":{"hunter2":1}}', END],
    [HEAD, END, '{"of":"session","entry":{}}'],
  ])('of %s %s is refused, with nothing of what it says', async (...lines) => {
    const to = settings()
    await expect(importEverything(to, iterate(lines))).rejects.toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    )
    expect(await accounts(to)).toEqual([])
  })

  it('of a later version is refused, and says so', async () => {
    const later = importEverything(settings(), iterate(['{"of":"export","entry":{"format":3}}', END]))
    await expect(later).rejects.toThrow(/later version/)
    const column = row('coatcheck_accounts', { ...ACCOUNT, colour: 'red' })
    await expect(importEverything(settings(), iterate([HEAD, column, END]))).rejects.toThrow(/this version/)
  })

  it('changes the database whole or not at all: one that breaks off leaves it as it was', async () => {
    const to = settings()
    const taken = row('coatcheck_accounts', ACCOUNT)
    await expect(importEverything(to, iterate([HEAD, taken]))).rejects.toThrow(/ends before/)
    const broken = (async function* () {
      yield* [HEAD, taken]
      throw new Error('The pipe broke.')
    })()
    await expect(importEverything(to, broken)).rejects.toThrow('The pipe broke.')
    expect(await accounts(to)).toEqual([])
    expect(await importEverything(to, iterate([HEAD, taken, END]))).toMatchObject({ rows: 1 })
  })

  it('is believed, an administrator that it makes up too, and leaves an entry in the audit trail', async () => {
    const to = settings()
    await importEverything(to, iterate([HEAD, row('coatcheck_accounts', ACCOUNT), END]))
    expect(await accounts(to)).toEqual([['eve', true]])
    const { entries } = await open(to, (authority) => authority.audit.list())
    expect(entries).toMatchObject([
      { event: 'data.imported', actor: { kind: 'command' }, details: { rows: 1 } },
    ])
  })

  it('P1 brings no user, client or grant back to a database that somebody has used', async () => {
    const from = settings()
    await open(from, async ({ accounts: all, oauth }) => {
      for (const name of ['ada', 'bob']) await all.create({ name, password: null })
      await oauth.clients.add({ name: 'shop', id: 'shop', kind: 'service' })
    })
    const lines = await linesOf(from)
    const to = settings()
    await importEverything(to, iterate(lines))
    await open(to, async ({ accounts: all, oauth }) => {
      await all.remove((await all.findByName('ada'))?.id ?? '')
      await oauth.removeClient('shop')
    })
    await importEverything(to, iterate(lines))
    expect(await accounts(to)).toEqual([['bob', false]])
    expect(await open(to, ({ oauth }) => oauth.clients.find('shop'))).toBeNull()
  })
})

it('an export has every table but those that are over soon, each by its key', async () => {
  const { database } = await testAuthority()
  const tables = await database.all<{ name: string }>(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'coatcheck!_%' ESCAPE '!'",
  )
  const known = [...MOVED_TABLES.map(({ name }) => name), ...LEFT_TABLES]
  expect(tables.map(({ name }) => name).toSorted()).toEqual(known.toSorted())
  for (const { name, key } of MOVED_TABLES) {
    const sql = 'SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk'
    expect((await database.all<{ name: string }>(sql, name)).map((column) => column.name)).toEqual(key)
  }
})

function settings(): Settings {
  return testSettings({ keys: KEYS })
}

function row(table: string, columns: object): string {
  return JSON.stringify({ of: 'row', entry: { table, row: columns } })
}

function accounts(of: Settings): Promise<readonly (readonly [string, boolean])[]> {
  return open(of, async (authority) =>
    (await authority.accounts.list()).accounts.map(({ name, admin }) => [name, admin] as const),
  )
}
