import { hash, parseOptions } from '@node-rs/argon2'
import { describe, expect, it } from 'vitest'
import { BusyError, PasswordHashing } from '../../src/accounts/password-hashing.ts'
import { testAuthority } from '../helpers/test-server.ts'
import { make, PASSWORD } from './account-cases.ts'

describe('passwords', () => {
  it('are hashed with argon2id, 19 MiB and two passes at least, each with its own salt', async () => {
    const hashing = new PasswordHashing()
    const [one, other] = [await hashing.hash(PASSWORD), await hashing.hash(PASSWORD)]
    expect(one).toMatch(/^\$argon2id\$v=19\$/)
    expect(one).not.toBe(other)
    const { memoryCost, timeCost, saltLen, outputLen } = parseOptions(one)
    expect([memoryCost >= 19_456, timeCost >= 2, saltLen >= 16, outputLen >= 32]).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect([
      await hashing.verify(PASSWORD, one),
      await hashing.verify('other', one),
      await hashing.verify(PASSWORD, null),
    ]).toEqual([true, false, false])
  })

  it('are hashed anew at a login when the parameters have become stronger, and at no failure', async () => {
    const { accounts, database } = await testAuthority()
    const ada = await make(accounts, { name: 'Ada' })
    const weak = await hash(PASSWORD, { memoryCost: 4_096, timeCost: 1, parallelism: 1 })
    await database.run('UPDATE coatcheck_accounts SET password = $1 WHERE id = $2', weak, ada.id)
    const stored = async () =>
      (await database.all<{ password: string }>('SELECT password FROM coatcheck_accounts'))[0]?.password ?? ''
    const from = { address: null, device: null }
    await accounts.verify({ name: 'ada', password: 'wrong', ...from })
    expect(await stored()).toBe(weak)
    expect(await accounts.verify({ name: 'ada', password: PASSWORD, ...from })).toMatchObject({ ok: true })
    expect(parseOptions(await stored()).memoryCost).toBe(19_456)
    expect((await accounts.find(ada.id))?.passwordChangedAt).toBe(ada.passwordChangedAt)
    expect(await accounts.verify({ name: 'ada', password: PASSWORD, ...from })).toMatchObject({ ok: true })
  })

  it('that come in a flood are refused instead of piling up', async () => {
    const hashing = new PasswordHashing()
    const all = await Promise.allSettled(Array.from({ length: 120 }, () => hashing.hash(PASSWORD)))
    const refused = all.filter((one) => one.status === 'rejected' && one.reason instanceof BusyError)
    expect(refused.length).toBe(17)
    expect(await hashing.verify(PASSWORD, await hashing.hash(PASSWORD))).toBe(true)
  })
})
