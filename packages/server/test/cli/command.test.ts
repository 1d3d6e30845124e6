import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openAuthority } from '../../src/authority.ts'
import { command, type Outcome } from '../helpers/command.ts'
import { startTestServer, temporaryDirectory, testSettings } from '../helpers/test-server.ts'

const PASSWORD = 'correct horse battery'

describe('the command', () => {
  it('tells what there is, and what was likely meant', async () => {
    const help = await command(['--help'])
    expect([help.code, help.out.split('\n')[0]]).toEqual([0, 'Usage: coatcheck [options] [command]'])
    const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'))
    expect((await command(['--version'])).out).toBe(`${manifest.version}\n`)
    const wrong = await command(['sesions', 'list'])
    expect([wrong.code, wrong.out]).toEqual([2, ''])
    expect(wrong.err).toContain('Did you mean sessions?')
    expect((await command([])).code).toBe(2)
    expect((await command(['users', 'show'])).code).toBe(2)
    expect((await command(['users', 'list', '--limit', 'many'])).code).toBe(2)
  })

  it('tells all mistakes of a configuration in one go, and repeats no secret', async () => {
    const given = ['serve', '--prot', '1', '--stroe', 'redis://:hunter2@x', '--host', 'a b', 'hunter2']
    const env = { COATCHECK_PUBLIC_ULR: 'hunter2', COATCHECK_KEYS: 'hunter2' }
    const { code, out, err } = await command([...given, '--keys=hunter2'], { env })
    expect([code, out]).toEqual([2, ''])
    expect(err.split('\n').filter((line) => line.startsWith('- '))).toHaveLength(7)
    expect(err).toContain('did you mean port?')
    expect(err).not.toContain('hunter2')
  })

  it('prints settings with their sources and without their secrets', async () => {
    const env = {
      COATCHECK_PORT: '7',
      COATCHECK_STORE: 'redis://:hunter2@cache/1',
      COATCHECK_KEYS: `0:${KEY}`,
    }
    const table = await command(['config', 'print', '--site-name', 'Shop'], { env })
    expect(table.out).toMatch(/^port +7 +environment$/m)
    expect(table.out).toMatch(/^site-name +Shop +flag$/m)
    expect(table.out).toMatch(/^store +redis:\/\/cache\/1 +environment$/m)
    const { out } = await command(['config', 'print', '--json'], { env })
    expect(JSON.parse(out)).toContainEqual({ name: 'keys', value: '(set)', source: 'environment' })
    expect(table.out + out).not.toMatch(new RegExp(`hunter2|${KEY}`))
  })

  it('makes nothing where no server has ever run', async () => {
    const directory = join(temporaryDirectory(), 'none')
    const { code, err } = await command(['users', 'list', '--data-directory', directory])
    expect([code, err.trim().split('\n').length]).toEqual([1, 1])
    expect(existsSync(directory)).toBe(false)
  })
})

describe.each(['over the socket of a server that runs', 'on the stores of a server that is stopped'])(
  'administration %s',
  (how) => {
    it('makes, shows, disables and enables accounts, and ends their sessions', async () => {
      const { cli, text } = await administered(how)
      const made = await cli(['users', 'create', 'Ada', '--claims', '{"role":"staff"}'], `${PASSWORD}\n`)
      expect([made.code, made.out]).toEqual([0, expect.stringMatching(/^Made: [\w-]+\n$/)])
      expect(made.out + made.err).not.toContain(PASSWORD)
      expect(JSON.parse(await text(['users', 'show', 'ada', '--json'])).claims).toEqual({ role: 'staff' })
      expect(await text(['users', 'list'])).toMatch(/^ID +NAME +ADMIN +DISABLED +CREATED\n\S+ +Ada /)
      await text(['users', 'disable', 'ada'])
      expect(JSON.parse(await text(['users', 'list', '--json']))[0].disabled).toBe(true)
      await text(['users', 'enable', 'ada'])
      expect(await text(['users', 'end-sessions', 'ada'])).toBe('Ended: 0.\n')
      expect((await cli(['users', 'show', 'eve'])).code).toBe(1)
      expect((await cli(['users', 'create', 'ADA', '--no-password'])).code).toBe(1)
      expect((await cli(['users', 'create', 'bob'], 'short\n')).code).toBe(1)
      expect(await text(['audit', '--event', 'user.'])).toMatch(/user\.disabled +command/)
      await text(['users', 'remove', 'ada'])
      expect((await cli(['users', 'show', 'ada'])).code).toBe(1)
    })

    it('keeps the last administrator, and says why', async () => {
      const { cli, text } = await administered(how)
      await text(['users', 'create', 'chief', '--no-password', '--admin'])
      await text(['users', 'create', 'ada', '--no-password'])
      for (const what of ['disable', 'remove', 'revoke-admin']) {
        const { code, err } = await cli(['users', what, 'chief'])
        expect([code, err]).toEqual([1, expect.stringMatching(/^This is the last administrator/)])
      }
      await text(['users', 'grant-admin', 'ada'])
      await text(['users', 'revoke-admin', 'chief'])
      expect(JSON.parse(await text(['users', 'show', 'chief', '--json'])).admin).toBe(false)
    })

    it('ends the retention of the audit trail, never of the last week', async () => {
      const { cli, text } = await administered(how)
      expect(await text(['audit', 'prune', '--before', '8d'])).toBe('Removed: 0.\n')
      expect(JSON.parse(await text(['audit', 'prune', '--json', '--before', '2026-01-01']))).toEqual({
        removed: 0,
      })
      expect(await text(['audit', '--event', 'audit.'])).toMatch(/audit\.pruned +command/)
      expect(await cli(['audit', 'prune', '--before', '6d'])).toMatchObject({ code: 2, out: '' })
      expect((await cli(['audit', 'prune'])).code).toBe(2)
      expect((await cli(['audit', 'prune', '--before', 'yesterday'])).code).toBe(2)
    })

    it('lists and ends sessions, rotates keys, and shows the policy', async () => {
      const { cli, text } = await administered(how)
      expect(await text(['sessions', 'list', '--user', 'ada', '--json'])).toBe('[]\n')
      expect(await text(['sessions', 'revoke', '--user', 'ada'])).toBe('Ended: 0.\n')
      expect(await text(['sessions', 'revoke', '--everyone'])).toBe('Every session has ended.\n')
      expect((await cli(['sessions', 'revoke'])).code).toBe(2)
      expect((await cli(['sessions', 'revoke', 'x', '--everyone'])).code).toBe(2)
      expect((await cli(['sessions', 'show', 'A'.repeat(22)])).code).toBe(1)
      expect(await text(['keys', 'list'])).toMatch(/current/)
      expect((await cli(['keys', 'rotate'])).code).toBe(1)
      expect(await text(['policy'])).toMatch(/idle timeout/)
      expect(JSON.parse(await text(['audit', '--json', '--since', '1h', '--limit', '1']))).toHaveLength(1)
      expect((await cli(['audit', '--since', 'yesterday'])).code).toBe(2)
    })

    it('makes API keys, and explains tokens from standard input', async () => {
      const { cli, text } = await administered(how)
      const key = (await text(['api-keys', 'create', 'shop', '--scope', 'sessions:validate'])).trim()
      expect(await text(['api-keys', 'list'])).not.toContain(key)
      const seen = await cli(['token', 'inspect'], `${key}\n`)
      expect(seen).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/standing.state +live/) })
      expect(seen.out).not.toContain(key)
      const asArgument = await cli(['token', 'inspect', key])
      expect(asArgument.err).toMatch(/^Warning: arguments are seen by other users/)
      const [{ id }] = JSON.parse(await text(['api-keys', 'list', '--json'])) as [{ id: string }]
      await text(['api-keys', 'revoke', id])
      expect((await cli(['token', 'inspect'], key)).out).toMatch(/standing.state +unknown/)
      expect((await cli(['token', 'inspect'], 'hunter2')).code).toBe(1)
      expect((await cli(['api-keys', 'revoke', id])).code).toBe(1)
    })
  },
)

it('explains a token also where there is no store', async () => {
  const directory = join(temporaryDirectory(), 'none')
  const input = `E${'A'.repeat(67)}`
  const { code, out } = await command(['token', 'inspect', '--data-directory', directory], { input })
  expect([code, out]).toEqual([0, expect.stringMatching(/standing.state +not looked up/)])
  expect(existsSync(directory)).toBe(false)
})

const KEY = Buffer.alloc(32, 7).fill(9, 3, 20).toString('base64url')

async function administered(how: string) {
  const dataDirectory = temporaryDirectory()
  if (how.startsWith('over')) await startTestServer({ dataDirectory })
  else await (await openAuthority(testSettings({ dataDirectory }))).close()
  const cli = (given: readonly string[], input = ''): Promise<Outcome> =>
    command([...given, '--data-directory', dataDirectory], { input })
  const text = async (given: readonly string[]) => {
    const { code, out, err } = await cli(given)
    expect([code, err]).toEqual([0, ''])
    return out
  }
  return { cli, text }
}
