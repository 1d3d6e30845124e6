import type { SessionInfo } from 'coatcheck'
import { InvalidArgumentError } from 'commander'
import { AdminError } from './admin-client.ts'
import { type Column, timeText } from './output.ts'
import { type Administration, administers, type Program } from './program.ts'

/** Reads `--limit`. */
export function count(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0 && value <= 1_000_000) return value
  throw new InvalidArgumentError('It must be a whole number from 1 to 1000000.')
}

const COLUMNS: readonly Column<SessionInfo>[] = [
  ['id', ({ id }) => id],
  ['user', ({ userId }) => userId],
  ['last seen', ({ lastSeenAt }) => timeText(lastSeenAt)],
  ['expires', ({ expiresAt }) => timeText(expiresAt)],
  ['device', ({ device }) => device.label],
  ['address', ({ device }) => device.address],
]

export function sessionCommands(program: Program): void {
  const group = program.root.command('sessions').description('list, look at and end sessions')
  administers(
    program,
    group
      .command('list')
      .description('live sessions, of everybody or of one user')
      .option('--user <name or id>', 'of this user alone, newest first')
      .option('--limit <number>', 'how many at most', count, 100),
    async (admin, { user, limit }: { readonly user?: string; readonly limit: number }) => {
      const path =
        user === undefined ? '/sessions' : `/sessions?user=${encodeURIComponent(await userIdOf(admin, user))}`
      admin.table(COLUMNS, await admin.list<SessionInfo>(path, 'sessions', limit))
    },
  )
  administers(
    program,
    group.command('show').description('one session').argument('<id>', 'its public id, not its token'),
    async (admin, id: string) => {
      admin.record((await admin.call('GET', `/sessions/${encodeURIComponent(id)}`)).body as object)
    },
  )
  administers(
    program,
    group
      .command('revoke')
      .description('end one session, all of a user, or all of everyone: at once')
      .argument('[id]', 'public id of one session')
      .option('--user <name or id>', 'all sessions of this user')
      .option('--everyone', 'all sessions there are'),
    revoke,
  )
}

async function revoke(
  admin: Administration,
  id: string | undefined,
  { user, everyone }: { readonly user?: string; readonly everyone?: true },
): Promise<void> {
  const asked = [id, user, everyone].filter((one) => one !== undefined)
  if (asked.length !== 1) throw new AdminError(400, 'Say which: an id, --user or --everyone.')
  if (id !== undefined) {
    await admin.call('DELETE', `/sessions/${encodeURIComponent(id)}`)
    admin.done('Ended.')
  } else if (user !== undefined) {
    const userId = await userIdOf(admin, user)
    const { body } = await admin.call('POST', '/sessions/end', { user: userId })
    admin.done(`Ended: ${(body as { readonly ended: number }).ended}.`, body)
  } else {
    await admin.call('POST', '/sessions/end', { everyone: true })
    admin.done('Every session has ended.')
  }
}

/** The id of the account of this id or name; where there is none, the text itself, since services may name users of their own. */
async function userIdOf(admin: Administration, user: string): Promise<string> {
  try {
    return ((await admin.call('GET', `/users/${encodeURIComponent(user)}`)).body as { readonly id: string })
      .id
  } catch (error) {
    if (error instanceof AdminError && error.status === 404) return user
    throw error
  }
}
