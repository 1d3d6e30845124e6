import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { issueSetupToken } from '../admin/setup.ts'
import { type Authority, openAuthority } from '../authority.ts'
import { engineWithoutSecrets } from '../config/parsing.ts'
import { type RunningServer, startServer } from '../server.ts'
import { writePrivateFile } from '../storage/private-file.ts'
import type { CommandSettings } from './settings-options.ts'
import { DONE, type Surroundings } from './surroundings.ts'

/** Name of the file with the set-up link in the data directory. */
export const SETUP_FILE = 'setup-link'

/** Serves until the first SIGINT or SIGTERM, then lets requests under way end; a second one kills. */
export async function serve(given: CommandSettings, surroundings: Surroundings): Promise<number> {
  const stop = stopSignal(surroundings)
  const authority = await openAuthority(given.settings)
  try {
    const server = await startServer(authority)
    try {
      const say = (lines: readonly string[]) => surroundings.stderr.write(`${lines.join('\n')}\n`)
      const setup = await prepareSetup(authority, server)
      say([...greeting(authority, server), ...warnings(given), ...setup])
      await stop
      say(['Stopping: requests under way have their time; once more to stop at once.'])
    } finally {
      await server.stop()
    }
  } finally {
    await authority.close()
  }
  return DONE
}

function stopSignal(surroundings: Surroundings): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const stop = () => {
    // What comes next does what it does to every process: ends it.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) surroundings.off(signal, stop)
    resolve()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) surroundings.on(signal, stop)
  return promise
}

function greeting(
  { settings }: Authority,
  { publicAddress, adminAddress, adminSocket }: RunningServer,
): string[] {
  const { store, database, dataDirectory, publicUrl } = settings
  const [sessions, rest] = [store, database].map((one) =>
    one === 'sqlite' ? `SQLite in ${dataDirectory}` : engineWithoutSecrets(one),
  )
  return [
    `coatcheck serves ${publicUrl.origin} on ${publicAddress}`,
    `administration: ${adminAddress ?? 'by the command line alone'}`,
    `sessions: ${sessions}${sessions === rest ? '' : `; all else: ${rest}`}`,
    ...(adminSocket.impediment === null ? [] : [adminSocket.impediment]),
  ]
}

/** What is right, and could still be better. */
function* warnings({ given, settings }: CommandSettings): Generator<string> {
  for (const name of ['store', 'database'] as const) {
    if (given[name]?.source === 'flag' && /:\/\/[^/]*:[^/]*@/.test(given[name].text)) {
      yield `Warning: --${name} shows a password to everybody on this machine: use COATCHECK_${name.toUpperCase()}_FILE.`
    }
  }
  if (settings.unsafeAllowHttp)
    yield 'Warning: unsafe-allow-http is on: anybody on the way can take sessions.'
  if (settings.unsafeAllowSettings)
    yield 'Warning: unsafe-allow-settings is on: sessions that have ended may live again after a restart of Redis.'
}

/** A link for the first administrator in a file of this user's own, while there is none. */
async function prepareSetup(authority: Authority, { adminAddress }: RunningServer): Promise<string[]> {
  const { settings, accounts } = authority
  const path = join(settings.dataDirectory, SETUP_FILE)
  if (await accounts.hasAdmin()) {
    rmSync(path, { force: true })
    return []
  }
  if (adminAddress === null) return ['No administrator yet: coatcheck users create NAME --admin makes one.']
  const base = settings.adminUrl?.origin ?? adminAddress.replace(/\/\/(?:0\.0\.0\.0|\[::\]):/, '//localhost:')
  writePrivateFile(path, `${base}/setup?token=${await issueSetupToken(authority)}\n`)
  return [`No administrator yet: open the link in ${path}, which is good once, for 24 hours.`]
}
