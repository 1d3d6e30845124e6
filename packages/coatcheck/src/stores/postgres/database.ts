import { StoreError } from '../../core/errors.ts'
import type { RunStatement } from './client.ts'
import { type CallKind, isRolledBack, isUnknown, toFailure } from './failures.ts'
import { quoted } from './migrations.ts'

/** The functions in the schema that make up the store, with the types of their arguments. */
const FUNCTIONS = {
  find: ['text'],
  read: ['text'],
  write: ['json'],
  rotate: ['json'],
  replace: ['json'],
  touch: ['json'],
  end_session: ['json'],
  end_user: ['json'],
  end_everyone: ['text'],
  user_epoch: ['text'],
  list: ['json'],
  sweep: ['integer', 'double precision'],
  scan: ['json'],
  adopt: ['json'],
  adopt_tombstone: ['json', 'double precision'],
  health: [],
} as const satisfies Readonly<Record<string, readonly string[]>>

export type FunctionName = keyof typeof FUNCTIONS

/** How often a call is made anew that was rolled back in favour of another one. */
const ROLLED_BACK_ATTEMPTS = 5

/** The schema's functions as calls. Each is one statement, and so one transaction and one round trip. */
export class Database {
  readonly #run: RunStatement
  readonly #texts: Readonly<Record<FunctionName, string>>

  constructor(run: RunStatement, schema: string) {
    this.#run = run
    this.#texts = statements(schema)
  }

  /** What the function answers, parsed. Throws our own errors only. */
  async call<T>(name: FunctionName, kind: CallKind, parameters: readonly (string | null)[] = []): Promise<T> {
    let applied = false
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once<T>(name, parameters)
      } catch (error) {
        if (isRolledBack(error) && attempt < ROLLED_BACK_ATTEMPTS) continue
        // A pool finds out that its server was restarted by losing a call on each of its connections.
        const again = kind !== 'once' && !applied && isUnknown(error)
        applied ||= isUnknown(error)
        if (!again) throw toFailure(error, kind, applied)
      }
    }
  }

  async #once<T>(name: FunctionName, parameters: readonly (string | null)[]): Promise<T> {
    const [row] = await this.#run(this.#texts[name], parameters)
    const text = row?.[0]
    if (typeof text === 'string') return JSON.parse(text) as T
    throw new StoreError(
      'ERR_STORE_CORRUPT',
      `PostgreSQL answered ${name} of the session store with something else than text.`,
      { retryable: false },
    )
  }
}

/** Every parameter travels as text, whatever types the driver was taught to convert. */
function statements(schema: string): Readonly<Record<FunctionName, string>> {
  const texts = Object.entries(FUNCTIONS).map(([name, types]) => {
    const parameters = types.map((type, i) =>
      type === 'text' ? `$${i + 1}::text` : `$${i + 1}::text::${type}`,
    )
    return [name, `SELECT ${quoted(schema)}.${name}(${parameters.join(', ')})::text`]
  })
  return Object.fromEntries(texts) as Record<FunctionName, string>
}
