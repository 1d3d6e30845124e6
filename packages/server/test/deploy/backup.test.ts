import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { signedIn, type TestAgent } from 'coatcheck/testing'
import { expect, it, onTestFinished } from 'vitest'
import { type Authority, openAuthority } from '../../src/authority.ts'
import { temporaryDirectory, testSettings } from '../helpers/test-server.ts'

it('P1 a backup that is restored brings back what ended since, until everybody is ended, as docs/server/backup.md says', async () => {
  const dataDirectory = temporaryDirectory()
  const first = await open(dataDirectory)
  const stays = await signedIn(first.sessions, 'ada', { transport: 'bearer' })
  const leaves = await signedIn(first.sessions, 'bob', { transport: 'bearer' })
  await first.accounts.create({ name: 'ada', password: 'nine quiet harpsichords' })
  const backup = backUp(dataDirectory)
  await first.sessions.revoke(leaves.sessionId)
  expect([await lives(first, stays), await lives(first, leaves)]).toEqual([true, false])
  await first.close()

  const restored = await open(backup)
  expect(await restored.accounts.findByName('ada')).not.toBeNull()
  // Nothing in the backup knows of the logout: hence the rule.
  expect([await lives(restored, stays), await lives(restored, leaves)]).toEqual([true, true])
  await restored.sessions.revokeEveryone()
  expect([await lives(restored, stays), await lives(restored, leaves)]).toEqual([false, false])
  const later = await signedIn(restored.sessions, 'ada', { transport: 'bearer' })
  expect(await lives(restored, later)).toBe(true)
  await restored.close()
})

/** As the page says: each database by SQLite's own copy, which needs no pause, and the keys as a file. */
function backUp(directory: string): string {
  const target = mkdtempSync(join(tmpdir(), 'coatcheck-server-'))
  onTestFinished(() => rmSync(target, { recursive: true, force: true }))
  for (const name of readdirSync(directory).filter((one) => one.endsWith('.db'))) {
    const database = new DatabaseSync(join(directory, name))
    database.exec(`VACUUM INTO '${join(target, name)}'`)
    database.close()
  }
  copyFileSync(join(directory, 'master.keys'), join(target, 'master.keys'))
  return target
}

function open(dataDirectory: string): Promise<Authority> {
  return openAuthority(testSettings({ dataDirectory }))
}

async function lives({ sessions }: Authority, { sessionId }: TestAgent): Promise<boolean> {
  return (await sessions.find(sessionId)) !== null
}
