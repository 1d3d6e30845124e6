import { describeToken, type TokenDescription } from 'coatcheck/tokens'
import { StartError } from '../start-error.ts'
import { AdminError, connectAdmin } from './admin-client.ts'
import { readSecretLine } from './input.ts'
import { recordText } from './output.ts'
import type { Program } from './program.ts'
import { addSettings, settingsOf, WHERE } from './settings-options.ts'
import { FAILED } from './surroundings.ts'

const WHAT: Readonly<Record<TokenDescription['kind'], string>> = {
  session: 'session token, or refresh token',
  'one-time-code': 'perhaps a one-time code, such as a WebSocket ticket',
  'api-key': 'API key',
  'access-token': 'access token (JWT); nothing of it is verified here',
}

/** `token inspect`. */
export function tokenCommands(program: Program): void {
  const { root, surroundings } = program
  const group = root.command('token').description('explain tokens')
  const inspect = group
    .command('inspect')
    .description('what a token is and says, and whether it is live; it is neither trusted, used nor kept')
    .argument('[token]', 'better left out: it is read from standard input')
    .option('--json', 'print JSON')
  addSettings(inspect, WHERE).action(async (argument: string | undefined) => {
    if (argument !== undefined) {
      surroundings.stderr.write(
        'Warning: arguments are seen by other users and kept by shells: give tokens on standard input.\n',
      )
    }
    const token = (argument ?? (await readSecretLine(surroundings, 'Token: '))).trim()
    const says = describeToken(token)
    if (says === null) {
      surroundings.stdout.write(inspect.opts().json ? 'null\n' : 'This is no token of coatcheck.\n')
      program.exitCode = FAILED
      return
    }
    const answer = { what: WHAT[says.kind], says, standing: await standing(token) }
    surroundings.stdout.write(
      inspect.opts().json ? `${JSON.stringify(answer, null, 2)}\n` : recordText(answer),
    )
  })

  /** What the stores know of it, where they can be reached. */
  async function standing(token: string): Promise<object> {
    try {
      const client = await connectAdmin(settingsOf(inspect, surroundings).settings)
      try {
        const { body } = await client.call('POST', '/tokens/inspect', { token })
        return (body as { readonly standing: object | null }).standing ?? { state: 'not looked up' }
      } finally {
        await client.close()
      }
    } catch (error) {
      if (!(error instanceof StartError || error instanceof AdminError)) throw error
      return { state: 'not looked up', why: error.message }
    }
  }
}
