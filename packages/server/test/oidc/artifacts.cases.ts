import { Buffer } from 'node:buffer'
import type { MasterKey } from 'coatcheck'
import { FakeEnvironment } from 'coatcheck/testing'
import { expect, it } from 'vitest'
import { ArtifactKeys } from '../../src/oidc/artifact-keys.ts'
import { Artifacts } from '../../src/oidc/artifacts.ts'
import { OIDC_MIGRATIONS } from '../../src/oidc/tables.ts'
import type { Database } from '../../src/storage/database.ts'
import { migrate } from '../../src/storage/migrations.ts'

const MASTERS: readonly MasterKey[] = [{ slot: 3, state: 'current', master: new Uint8Array(32).fill(7) }]

/** The same on every engine. */
export function artifactCases(open: () => Promise<Database>): void {
  const setUp = async () => {
    const environment = new FakeEnvironment()
    const database = await open()
    await migrate(database, OIDC_MIGRATIONS)
    const keys = new ArtifactKeys(MASTERS, environment)
    return { database, environment, artifacts: new Artifacts(database, keys, environment) }
  }

  it('OA-03 of 50 parallel uses of one code one wins', async () => {
    const { artifacts } = await setUp()
    await artifacts.put('AuthorizationCode', 'the-code', { clientId: 'shop' }, 60)
    const wins = await Promise.all(
      Array.from({ length: 50 }, () => artifacts.consume('AuthorizationCode', 'the-code')),
    )
    expect(wins.filter(Boolean)).toHaveLength(1)
    expect((await artifacts.find('AuthorizationCode', 'the-code'))?.consumedAt).not.toBeNull()
  })

  it('OA-06 of 50 parallel sightings of one assertion one is the first', async () => {
    const { artifacts } = await setUp()
    const first = await Promise.all(
      Array.from({ length: 50 }, () => artifacts.insert('ReplayDetection', 'jti', {}, 60)),
    )
    expect(first.filter(Boolean)).toHaveLength(1)
  })

  it('keeps an artefact of one kind apart from another kind', async () => {
    const { artifacts } = await setUp()
    await artifacts.put('AuthorizationCode', 'x', { clientId: 'shop' }, 60)
    expect(await artifacts.find('RefreshToken', 'x')).toBeNull()
    expect(await artifacts.consume('RefreshToken', 'x')).toBe(false)
  })

  it('a use is not undone by what is stored again', async () => {
    const { artifacts } = await setUp()
    await artifacts.put('RefreshToken', 'x', { clientId: 'shop' }, 60)
    await artifacts.consume('RefreshToken', 'x')
    await artifacts.put('RefreshToken', 'x', { clientId: 'shop' }, 60)
    expect(await artifacts.consume('RefreshToken', 'x')).toBe(false)
  })

  it('OA-04 nothing is found or used past its end, and then it is swept', async () => {
    const { artifacts, environment } = await setUp()
    await artifacts.put('AuthorizationCode', 'x', { clientId: 'shop' }, 60)
    environment.advance(60_000)
    expect(await artifacts.find('AuthorizationCode', 'x')).toBeNull()
    expect(await artifacts.consume('AuthorizationCode', 'x')).toBe(false)
    expect(await artifacts.sweep()).toBe(1)
  })

  it('P9 ends a grant with all that was issued for it, and nothing else', async () => {
    const { artifacts } = await setUp()
    for (const grant of ['one', 'other']) {
      await artifacts.put('Grant', grant, { accountId: 'ann', clientId: 'shop' }, 60)
      await artifacts.put(
        'AccessToken',
        `token-${grant}`,
        { grantId: grant, accountId: 'ann', clientId: 'shop' },
        60,
      )
    }
    await artifacts.removeGrant('one')
    expect(await artifacts.find('AccessToken', 'token-one')).toBeNull()
    expect(await artifacts.find('Grant', 'one')).toBeNull()
    expect(await artifacts.find('AccessToken', 'token-other')).not.toBeNull()
    await artifacts.removeOfUser('ann', 'reviews')
    expect(await artifacts.find('Grant', 'other')).not.toBeNull()
    await artifacts.removeOfUser('ann')
    expect(await artifacts.find('Grant', 'other')).toBeNull()
  })

  it('P6 stores neither the token nor what belongs to it in clear, and opens nothing in another row', async () => {
    const { artifacts, database } = await setUp()
    await artifacts.put('RefreshToken', 'token-in-clear', { jti: 'token-in-clear', nonce: 'a-nonce' }, 60)
    await artifacts.put('RefreshToken', 'another', { jti: 'another' }, 60)
    const dump = JSON.stringify(await database.all('SELECT * FROM coatcheck_oauth_artifacts'))
    for (const secret of ['token-in-clear', 'a-nonce']) {
      expect(dump).not.toContain(secret)
      expect(dump).not.toContain(Buffer.from(secret).toString('base64url'))
    }
    await database.run(
      `UPDATE coatcheck_oauth_artifacts SET payload = (SELECT MAX(payload) FROM coatcheck_oauth_artifacts)`,
    )
    const found = [
      await artifacts.find('RefreshToken', 'token-in-clear'),
      await artifacts.find('RefreshToken', 'another'),
    ]
    expect(found.filter((one) => one !== null)).toHaveLength(1)
  })
}
