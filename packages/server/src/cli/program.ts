import type { Command } from 'commander'
import { type AdminAnswer, type AdminClient, connectAdmin } from './admin-client.ts'
import { type Column, recordText, tableText } from './output.ts'
import { addSettings, settingsOf, WHERE } from './settings-options.ts'
import type { Surroundings } from './surroundings.ts'

/** One run of the command. */
export interface Program {
  readonly root: Command
  readonly surroundings: Surroundings
  /** Of a command that did not throw. */
  exitCode: number
}

/** What a command that administers has at hand. */
export interface Administration {
  readonly call: AdminClient['call']
  /** All entries of a list under this name, page by page; `limit` of them at most. */
  list<T>(path: string, name: string, limit: number): Promise<T[]>
  /** Prints entries as a table, or as JSON where that is asked for. */
  table<T>(columns: readonly Column<T>[], entries: readonly T[]): void
  /** Prints one thing. */
  record(entry: object): void
  /** Says in one sentence what was done; nothing where JSON is asked for, which `answer` is then. */
  done(sentence: string, answer?: unknown): void
}

const PAGE = 500

/** Completes a command that administers: where the state is, `--json`, and what it does. */
export function administers<A extends readonly unknown[]>(
  program: Program,
  command: Command,
  act: (admin: Administration, ...given: A) => Promise<void>,
): Command {
  addSettings(command, WHERE).option('--json', 'print JSON')
  return command.action(async (...given: unknown[]) => {
    const client = await connectAdmin(settingsOf(command, program.surroundings).settings)
    try {
      await act(
        administrationOf(client, program.surroundings, command.opts().json === true),
        ...(given as unknown as A),
      )
    } finally {
      await client.close()
    }
  })
}

function administrationOf(client: AdminClient, { stdout }: Surroundings, json: boolean): Administration {
  const print = (value: unknown) => void stdout.write(`${JSON.stringify(value, null, 2)}\n`)
  return {
    call: client.call,
    list: (path, name, limit) => listAll(client, { path, name, limit }),
    table: (columns, entries) => (json ? print(entries) : void stdout.write(tableText(columns, entries))),
    record: (entry) => (json ? print(entry) : void stdout.write(recordText(entry))),
    done: (sentence, answer = null) => (json ? print(answer) : void stdout.write(`${sentence}\n`)),
  }
}

async function listAll<T>(
  client: AdminClient,
  { path, name, limit }: { readonly path: string; readonly name: string; readonly limit: number },
): Promise<T[]> {
  const found: T[] = []
  let cursor: string | null = null
  do {
    const size = Math.min(PAGE, limit - found.length)
    const query: string = `limit=${size}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
    const answer: AdminAnswer = await client.call('GET', `${path}${path.includes('?') ? '&' : '?'}${query}`)
    const page = answer.body as { readonly [list: string]: readonly T[] } & { readonly cursor: string | null }
    found.push(...(page[name] ?? []))
    cursor = page.cursor
  } while (cursor !== null && found.length < limit)
  return found.slice(0, limit)
}
