import { openAuthority } from '../../src/authority.ts'
import { type Given, resolveSettings } from '../../src/config/resolve.ts'
import type { SettingName } from '../../src/config/settings.ts'
import { startServer } from '../../src/server.ts'
import type { ChildCommands, Question } from './server-process.ts'

// A server in a process of its own: says where it is, does what it is asked, and ends when its parent does.
const written = JSON.parse(process.argv[2] ?? '{}') as Record<string, string>
const given: Partial<Record<SettingName, Given>> = {}
for (const [name, text] of Object.entries(written)) given[name as SettingName] = { text, source: 'flag' }
const authority = await openAuthority(resolveSettings(given).settings)
const server = await startServer(authority)

const commands: ChildCommands = {
  createAccount: async (name, password) => {
    const created = await authority.accounts.create({ name, password })
    return created.ok ? created.account.id : null
  },
  endEveryone: () => authority.sessions.revokeEveryone(),
  endUser: async (userId) => {
    await authority.sessions.revokeUser(userId)
  },
  rotateSigningKeys: async () => {
    await authority.signingKeys.rotate()
  },
  signingKeys: async () => (await authority.signingKeys.list()).map(({ kid }) => kid),
  memory: async () => {
    globalThis.gc?.()
    return process.memoryUsage().rss
  },
}

process.on('message', async ({ number, name, args }: Question) => {
  try {
    const run = commands[name] as (...given: readonly string[]) => Promise<unknown>
    process.send?.({ number, answer: await run(...args) })
  } catch (error) {
    process.send?.({ number, error: String(error) })
  }
})
process.once('disconnect', () => process.exit(0))
process.send?.({ publicAddress: server.publicAddress, adminAddress: server.adminAddress })
