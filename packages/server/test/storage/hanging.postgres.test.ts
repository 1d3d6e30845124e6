import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { DatabaseError } from '../../src/storage/database.ts'
import { testAuthority } from '../helpers/test-server.ts'
import { postgresDatabases } from '../oidc/postgres.ts'

const PASSWORD = 'correct horse battery'
const ADA = { name: 'ada', password: PASSWORD, address: null, device: null }
const databases = postgresDatabases()

beforeAll(() => databases.start())
afterAll(() => databases.stop())

describe('a database that hangs', () => {
  it('AUD-04 holds up no login while it is the audit trail alone, whose entries are written later', async () => {
    const { authority, hang } = await opened()
    const release = await hang('coatcheck_audit')
    expect((await authority.accounts.verify(ADA)).ok).toBe(true)
    authority.audit.record({ event: 'thing.done', actor: { kind: 'system', id: null } })
    // The write fails in its time, and is tried again.
    await authority.audit.flush()
    expect(authority.audit.waiting).toBeGreaterThan(0)
    await release()
    expect((await authority.audit.list({ event: 'thing.done' })).entries).toHaveLength(1)
  })

  it('lets a login fail in its time, and lets nobody in', async () => {
    const { authority, hang } = await opened()
    const release = await hang('coatcheck_accounts')
    await expect(authority.accounts.verify(ADA)).rejects.toThrow(DatabaseError)
    await expect(authority.accounts.create({ name: 'eve', password: null })).rejects.toThrow(DatabaseError)
    await release()
    expect((await authority.accounts.verify(ADA)).ok).toBe(true)
    expect(await authority.accounts.findByName('eve')).toBeNull()
  })
})

async function opened() {
  const written = await databases.fresh()
  const authority = await testAuthority({ ...written, store: `${written.store}?query_timeout=1500` })
  await authority.accounts.create({ name: 'ada', password: PASSWORD })
  const pool = new Pool({ connectionString: written.store })
  onTestFinished(() => pool.end())
  return {
    authority,
    /** Nobody else gets at the table until what it answers is called. */
    async hang(table: string) {
      const client = await pool.connect()
      await client.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`)
      return async () => {
        await client.query('ROLLBACK')
        client.release()
      }
    },
  }
}
