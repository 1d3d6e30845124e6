import { type Command, Option } from 'commander'
import { CLIENT_KINDS, type ClientKind } from '../oidc/client-rules.ts'
import type { RegisteredClient } from '../oidc/clients.ts'
import { type Column, timeText } from './output.ts'
import { administers, type Program } from './program.ts'
import { count } from './session-commands.ts'

const COLUMNS: readonly Column<RegisteredClient>[] = [
  ['id', ({ id }) => id],
  ['name', ({ name }) => name],
  ['kind', ({ kind }) => kind],
  ['trusted', ({ trusted }) => (trusted ? 'yes' : 'no')],
  ['redirects', ({ redirectUris }) => redirectUris.join(' ')],
  ['since', ({ createdAt }) => timeText(createdAt)],
]

interface AddOptions {
  readonly id?: string
  readonly kind: ClientKind
  readonly redirect?: string[]
  readonly afterLogout?: string[]
  readonly notify?: string
  readonly api?: string[]
  readonly serves?: string[]
  readonly trusted?: boolean
  readonly requireDpop?: boolean
  readonly requirePar?: boolean
  readonly development?: boolean
}

/** Applications that let their users sign in here. */
export function clientCommands(program: Program): void {
  const group = program.root.command('clients').description('applications that let users sign in here')
  administers(
    program,
    group
      .command('list')
      .description('all of them, without their secrets')
      .option('--limit <number>', 'how many at most', count, 100),
    async (admin, { limit }: { readonly limit: number }) => {
      admin.table(COLUMNS, await admin.list<RegisteredClient>('/clients', 'clients', limit))
    },
  )
  addCommand(program, group)
  administers(
    program,
    group
      .command('rotate-secret')
      .description('make a new secret; it is shown this once')
      .argument('<id>', 'client id')
      .option('--overlap <seconds>', 'how long the old one goes on', count, 86_400),
    async (admin, id: string, { overlap }: { readonly overlap: number }) => {
      const path = `/clients/${encodeURIComponent(id)}/rotate-secret`
      const { body } = await admin.call('POST', path, { overlapSeconds: overlap })
      admin.done((body as { readonly secret: string }).secret, body)
    },
  )
  administers(
    program,
    group
      .command('remove')
      .description('remove one, with every token that it has')
      .argument('<id>', 'client id'),
    async (admin, id: string) => {
      await admin.call('DELETE', `/clients/${encodeURIComponent(id)}`)
      admin.done('Removed.')
    },
  )
}

function addCommand(program: Program, group: Command): void {
  administers(
    program,
    group
      .command('add')
      .description('register one; its secret is shown this once')
      .argument('<name>', 'what users see')
      .option('--id <id>', 'default: made of the name')
      .addOption(new Option('--kind <kind>', 'what it is').choices(CLIENT_KINDS).default('confidential'))
      .option('--redirect <uris...>', 'where users come back to, letter by letter')
      .option('--after-logout <uris...>', 'where users may go after a logout')
      .option('--notify <uri>', 'where it is told that a session has ended')
      .option('--api <uri=scopes...>', 'an API that it may call, such as https://api.example=read,write')
      .option('--serves <uris...>', 'APIs that it is: it may ask whether access tokens for them are good')
      .option('--trusted', 'run by you: users are not asked whether they allow it')
      .option('--require-dpop', 'tokens only with a proof of possession')
      .option('--require-par', 'requests only pushed')
      .option('--development', 'plain HTTP on this machine'),
    async (admin, name: string, options: AddOptions) => {
      const { body } = await admin.call('POST', '/clients', registration(name, options))
      const { client, secret } = body as { readonly client: RegisteredClient; readonly secret: string | null }
      admin.done(
        secret === null ? `client id: ${client.id}` : `client id: ${client.id}\nsecret:    ${secret}`,
        body,
      )
    },
  )
}

function registration(name: string, options: AddOptions): object {
  const { id, kind, redirect, afterLogout, notify, api = [], serves, ...flags } = options
  const resources = Object.fromEntries(
    api.map((one) => {
      const [uri = '', scopes = ''] = one.split(/=(?=[^=]*$)/)
      return [uri, scopes.split(',').filter((scope) => scope !== '')]
    }),
  )
  return {
    ...{ name, kind, resources },
    ...(id !== undefined && { id }),
    ...(redirect && { redirectUris: redirect }),
    ...(afterLogout && { postLogoutRedirectUris: afterLogout }),
    ...(notify !== undefined && { backchannelLogoutUri: notify }),
    ...(serves && { serves }),
    trusted: flags.trusted === true,
    requireDpop: flags.requireDpop === true,
    requirePar: flags.requirePar === true,
    development: flags.development === true,
  }
}
