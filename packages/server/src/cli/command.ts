import { isCoatcheckError } from 'coatcheck'
import { Command, CommanderError } from 'commander'
import { ConfigurationError } from '../config/resolve.ts'
import { codeOf, StartError } from '../start-error.ts'
import { DatabaseError } from '../storage/database.ts'
import { AdminError } from './admin-client.ts'
import { apiKeyCommands } from './api-key-commands.ts'
import { clientCommands } from './client-commands.ts'
import { configCommands } from './config-commands.ts'
import { movingCommands } from './moving-commands.ts'
import type { Program } from './program.ts'
import { reportCommands } from './report-commands.ts'
import { sessionCommands } from './session-commands.ts'
import { signingKeyCommands } from './signing-key-commands.ts'
import { DONE, FAILED, MISUSED, type Surroundings } from './surroundings.ts'
import { tokenCommands } from './token-commands.ts'
import { userCommands } from './user-commands.ts'
import { VERSION } from './version.ts'

/** Runs the command `coatcheck` with its arguments; answers the exit code: 0 done, 1 failed or found nothing, 2 wrong use. Never throws. */
export async function run(arguments_: readonly string[], surroundings: Surroundings): Promise<number> {
  const program: Program = { root: new Command('coatcheck'), surroundings, exitCode: DONE }
  program.root
    .description('Sessions for services in any language: server and administration.')
    .version(VERSION)
    .helpCommand(false)
    .showHelpAfterError('(coatcheck --help tells more)')
    .configureOutput({
      writeOut: (text) => surroundings.stdout.write(text),
      writeErr: (text) => surroundings.stderr.write(text),
    })
    .exitOverride()
    // A flag belongs to the command it follows: audit has flags, and audit prune its own.
    .enablePositionalOptions()
    .addHelpText('after', HELP)
  for (const add of GROUPS) add(program)
  try {
    await program.root.parseAsync([...arguments_], { from: 'user' })
    return program.exitCode
  } catch (error) {
    return failed(error, surroundings)
  }
}

const GROUPS = [
  configCommands,
  sessionCommands,
  userCommands,
  signingKeyCommands,
  apiKeyCommands,
  clientCommands,
  tokenCommands,
  reportCommands,
  movingCommands,
]

const HELP = `
Settings come from flags, the environment (COATCHECK_PORT, or COATCHECK_PORT_FILE for a mounted secret), a file
(--config, or coatcheck.json in the data directory), in this order: coatcheck config print shows them.

Commands that administer reach the running server over the socket in its data directory; where none runs they work on
the stores themselves. --json prints JSON. Exit codes: 0 done, 1 failed or found nothing, 2 wrong use.`

function failed(error: unknown, { stderr }: Surroundings): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : MISUSED
  if (error instanceof ConfigurationError) {
    stderr.write(`The configuration has ${countOf(error.mistakes.length)}:\n`)
    for (const mistake of error.mistakes) stderr.write(`- ${mistake}\n`)
    return MISUSED
  }
  stderr.write(`${sentenceOf(error)}\n`)
  return error instanceof AdminError && error.status === 400 ? MISUSED : FAILED
}

function countOf(mistakes: number): string {
  return mistakes === 1 ? 'a mistake' : `${mistakes} mistakes`
}

/** One sentence for people. What is none of ours may repeat what it was given, so only its code is told. */
function sentenceOf(error: unknown): string {
  const isOurs = error instanceof StartError || error instanceof AdminError || isCoatcheckError(error)
  if (isOurs) return (error as Error).message
  if (error instanceof DatabaseError) return `The database failed (${codeOf(error)}).`
  return `Something failed that should not (${error instanceof Error ? error.name : typeof error}, ${codeOf(error)}).`
}
