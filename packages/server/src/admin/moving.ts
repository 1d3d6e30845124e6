import { exportSessions, importSessions } from 'coatcheck/moving'
import { z } from 'zod'
import type { AccountRow } from '../accounts/account.ts'
import { openAuthority } from '../authority.ts'
import type { Settings } from '../config/settings.ts'
import { StartError } from '../start-error.ts'
import type { Database } from '../storage/database.ts'
import { openStorage, type Storage } from '../storage/open-storage.ts'

/** What an import came to. */
export interface MovedCounts {
  readonly sessions: number
  readonly apiKeys: number
  readonly accounts: number
  /** What is known here, has ended here, or is over. */
  readonly skipped: number
}

const KINDS = ['session', 'api-key', 'account'] as const
type Kind = (typeof KINDS)[number]

interface Line {
  readonly of: Kind
  readonly entry: object
}

const ACCOUNTS_AT_ONCE = 500

const Account = z.strictObject({
  id: z.string().min(1).max(256),
  name: z.string().min(1).max(256),
  name_key: z.string().min(1).max(1_024),
  password: z.string().max(1_024).nullable(),
  claims: z.string().max(16_384),
  admin: z.literal([0, 1]),
  disabled: z.literal([0, 1]),
  created_at: z.number(),
  password_changed_at: z.number().nullable(),
})

/**
 * Sessions with the ends that are remembered, API keys and accounts, each as a line of JSON. Nothing in it is a credential:
 * hashes alone, of passwords too; treat it as the database all the same. Tokens stay good where the master keys are the same.
 */
export async function* exportEverything(settings: Settings): AsyncGenerator<string> {
  const storage = await openStorage(settings, () => {})
  try {
    for await (const entry of exportSessions(storage.sessions)) yield lineOf('session', entry)
    for await (const entry of exportSessions(storage.apiKeys)) yield lineOf('api-key', entry)
    for await (const entry of accountsOf(storage.database)) yield lineOf('account', entry)
  } finally {
    await storage.close()
  }
}

/** Takes over what `exportEverything` gave. What has ended here is not brought back, and what is here stays as it is. */
export async function importEverything(
  settings: Settings,
  source: AsyncIterable<string>,
): Promise<MovedCounts> {
  // Asked for at once: lines that nobody waits for are lost.
  const sections = new Sections(source[Symbol.asyncIterator]())
  // Makes what is missing.
  await (await openAuthority({ ...settings, logLevel: 'silent' })).close()
  const storage = await openStorage(settings, () => {})
  try {
    return await importSections(storage, sections)
  } finally {
    await storage.close()
  }
}

async function importSections(storage: Storage, sections: Sections): Promise<MovedCounts> {
  const sessions = await importSessions(storage.sessions, texts(sections.of('session')))
  const apiKeys = await importSessions(storage.apiKeys, texts(sections.of('api-key')))
  const accounts = { taken: 0, skipped: 0 }
  for await (const entry of sections.of('account')) {
    if (await insertAccount(storage.database, entry)) accounts.taken += 1
    else accounts.skipped += 1
  }
  await sections.assertDone()
  const skipped = [sessions, apiKeys].flatMap((counts) => Object.values(counts.skipped))
  return {
    sessions: sessions.sessions,
    apiKeys: apiKeys.sessions,
    accounts: accounts.taken,
    skipped: skipped.reduce((sum, one) => sum + one, accounts.skipped),
  }
}

function lineOf(of: Kind, entry: object): string {
  return JSON.stringify({ of, entry } satisfies Line)
}

async function* texts(entries: AsyncIterable<object>): AsyncGenerator<string> {
  for await (const entry of entries) yield JSON.stringify(entry)
}

async function* accountsOf(database: Database): AsyncGenerator<AccountRow> {
  let last = ''
  let rows: AccountRow[]
  do {
    rows = await database.all<AccountRow>(
      'SELECT * FROM coatcheck_accounts WHERE id > $1 ORDER BY id LIMIT $2',
      last,
      ACCOUNTS_AT_ONCE,
    )
    yield* rows
    last = rows.at(-1)?.id ?? last
  } while (rows.length === ACCOUNTS_AT_ONCE)
}

async function insertAccount(database: Database, entry: object): Promise<boolean> {
  const { success, data } = Account.safeParse(entry)
  if (!success) throw new StartError('The import has an account that is none.')
  const made = await database.run(
    'INSERT INTO coatcheck_accounts VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING',
    ...[data.id, data.name, data.name_key, data.password, data.claims],
    ...[data.admin, data.disabled, data.created_at, data.password_changed_at],
  )
  return made === 1
}

/** The lines of an export in the order of their kinds. */
class Sections {
  readonly #lines: AsyncIterator<string>
  #next: Line | null = null
  #number = 0

  constructor(lines: AsyncIterator<string>) {
    this.#lines = lines
  }

  async *of(kind: Kind): AsyncGenerator<object> {
    for (;;) {
      const line = await this.#peek()
      if (line?.of !== kind) return
      this.#next = null
      yield line.entry
    }
  }

  async assertDone(): Promise<void> {
    if ((await this.#peek()) !== null) throw this.#wrong()
  }

  async #peek(): Promise<Line | null> {
    while (this.#next === null) {
      const { done, value } = await this.#lines.next()
      if (done) return null
      this.#number += 1
      if (value.trim() !== '') this.#next = this.#parsed(value)
    }
    return this.#next
  }

  #parsed(text: string): Line {
    try {
      const line = JSON.parse(text) as Partial<Line> | null
      if (line?.of !== undefined && KINDS.includes(line.of) && typeof line.entry === 'object')
        return line as Line
    } catch {
      // The parser's own message would quote the line.
    }
    throw this.#wrong()
  }

  #wrong(): StartError {
    return new StartError(`Line ${this.#number} of the import is none of an export, or not in its place.`)
  }
}
