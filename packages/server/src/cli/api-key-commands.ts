import type { ApiKeyInfo, CreatedApiKey } from 'coatcheck/tokens'
import { type Column, timeText } from './output.ts'
import { type Administration, administers, type Program } from './program.ts'
import { count } from './session-commands.ts'

const COLUMNS: readonly Column<ApiKeyInfo>[] = [
  ['id', ({ id }) => id],
  ['begins', ({ hint }) => hint],
  ['owner', ({ owner }) => owner],
  ['name', ({ name }) => name],
  ['scopes', ({ scopes }) => scopes.join(' ')],
  ['last used', ({ lastUsedAt }) => timeText(lastUsedAt)],
  ['expires', ({ expiresAt }) => timeText(expiresAt)],
]

interface CreateOptions {
  readonly scope?: string[]
  readonly network?: string[]
  readonly expiresIn?: string
}

export function apiKeyCommands(program: Program): void {
  const group = program.root.command('api-keys').description('keys of services and users')
  administers(
    program,
    group
      .command('list')
      .description('live keys, without their secrets')
      .option('--owner <id>', 'of this owner alone')
      .option('--limit <number>', 'how many at most', count, 100),
    async (admin, { owner, limit }: { readonly owner?: string; readonly limit: number }) => {
      const path = owner === undefined ? '/api-keys' : `/api-keys?owner=${encodeURIComponent(owner)}`
      admin.table(COLUMNS, await admin.list<ApiKeyInfo>(path, 'keys', limit))
    },
  )
  administers(
    program,
    group
      .command('create')
      .description('make a key for a service; it is shown this once')
      .argument('<service>', 'name of the service')
      .option('--scope <scopes...>', 'what it may do, such as sessions:validate')
      .option('--network <networks...>', 'where it may be used from')
      .option('--expires-in <duration>', 'such as 90d; without it lasts until it is revoked'),
    async (admin, service: string, { scope, network, expiresIn }: CreateOptions) => {
      const { body } = await admin.call('POST', '/api-keys', {
        ...{ owner: `service:${service}`, name: service },
        ...(scope && { scopes: scope }),
        ...(network && { networks: network }),
        ...(expiresIn !== undefined && { expiresIn }),
      })
      tell(admin, body as CreatedApiKey)
    },
  )
  administers(
    program,
    group.command('revoke').description('end a key at once').argument('<id>', 'its id, not its text'),
    async (admin, id: string) => {
      await admin.call('DELETE', `/api-keys/${encodeURIComponent(id)}`)
      admin.done('Ended.')
    },
  )
  administers(
    program,
    group
      .command('rotate')
      .description('make a key in the place of another, which goes on for a while')
      .argument('<id>', 'id of the old one')
      .option('--overlap <duration>', 'how long the old one goes on (default: 7d)'),
    async (admin, id: string, { overlap }: { readonly overlap?: string }) => {
      const asked = overlap === undefined ? {} : { overlap }
      tell(
        admin,
        (await admin.call('POST', `/api-keys/${encodeURIComponent(id)}/rotate`, asked)).body as CreatedApiKey,
      )
    },
  )
}

/** The one moment at which the text of a key is known; alone on its line, so that it can be piped. */
function tell(admin: Administration, created: CreatedApiKey): void {
  admin.done(created.text, created)
}
