import type { Account } from '../accounts/accounts.ts'
import { AdminError } from './admin-client.ts'
import { readSecretLine } from './input.ts'
import { type Column, timeText } from './output.ts'
import { administers, type Program } from './program.ts'
import { count } from './session-commands.ts'

const COLUMNS: readonly Column<Account>[] = [
  ['id', ({ id }) => id],
  ['name', ({ name }) => name],
  ['admin', ({ admin }) => (admin ? 'yes' : '')],
  ['disabled', ({ disabled }) => (disabled ? 'yes' : '')],
  ['created', ({ createdAt }) => timeText(createdAt)],
]

interface CreateOptions {
  readonly admin?: boolean
  readonly claims?: string
  readonly password: boolean
}

export function userCommands(program: Program): void {
  const group = program.root.command('users').description('accounts of this server')
  administers(
    program,
    group
      .command('list')
      .description('accounts in the order of their names')
      .option('--query <text>', 'whose names begin so')
      .option('--limit <number>', 'how many at most', count, 100),
    async (admin, { query, limit }: { readonly query?: string; readonly limit: number }) => {
      const path = query === undefined ? '/users' : `/users?query=${encodeURIComponent(query)}`
      admin.table(COLUMNS, await admin.list<Account>(path, 'accounts', limit))
    },
  )
  administers(
    program,
    group.command('show').description('one account').argument('<user>', 'name or id'),
    async (admin, user: string) => admin.record((await admin.call('GET', pathOf(user))).body as object),
  )
  administers(
    program,
    group
      .command('create')
      .description('make an account; its password is read from standard input')
      .argument('<name>')
      .option('--admin', 'may administer the server')
      .option('--claims <json>', 'facts about the user that sessions and tokens carry')
      .option('--no-password', 'cannot sign in with a password'),
    async (admin, name: string, { admin: isAdmin = false, claims, password }: CreateOptions) => {
      const { surroundings } = program
      const { body } = await admin.call('POST', '/users', {
        ...{ name, admin: isAdmin },
        password: password ? await readSecretLine(surroundings, 'Password: ') : null,
        ...(claims !== undefined && { claims: claimsOf(claims) }),
      })
      admin.done(`Made: ${(body as Account).id}`, body)
    },
  )
  for (const [name, description, ...call] of ACTS) {
    const command = group.command(name).description(description).argument('<user>', 'name or id')
    administers(program, command, async (admin, user: string) => {
      const [method, path, body] = call
      await admin.call(method, `${pathOf(user)}${path}`, body)
      admin.done('Done.')
    })
  }
  administers(
    program,
    group.command('end-sessions').description('end all sessions of a user').argument('<user>', 'name or id'),
    async (admin, user: string) => {
      const { body } = await admin.call('POST', `${pathOf(user)}/end-sessions`)
      admin.done(`Ended: ${(body as { readonly ended: number }).ended}.`, body)
    },
  )
}

/** Name, what it does, and the call that does it. */
const ACTS: readonly (readonly [string, string, method: string, path: string, body?: object])[] = [
  ['disable', 'end all of a user, and let them sign in no more', 'POST', '/disable'],
  ['enable', 'let a user sign in again', 'POST', '/enable'],
  ['remove', 'end all of a user, and forget them', 'DELETE', ''],
  ['reset-second-step', 'let a user sign in without their second step', 'DELETE', '/second-step'],
  ['grant-admin', 'let a user administer the server', 'PUT', '/admin', { admin: true }],
  ['revoke-admin', 'take that right away, with the sessions that have it', 'PUT', '/admin', { admin: false }],
]

function pathOf(user: string): string {
  return `/users/${encodeURIComponent(user)}`
}

function claimsOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new AdminError(400, '--claims must be a JSON object.')
  }
}
