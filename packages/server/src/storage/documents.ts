import type { SigningKeyStorage } from 'coatcheck/tokens'
import { type Database, first } from './database.ts'
import type { Migration } from './migrations.ts'

/** Small texts that all processes share and replace by compare-and-set. */
export const DOCUMENT_MIGRATIONS: readonly Migration[] = [
  {
    id: '001-documents',
    statements: ['CREATE TABLE coatcheck_documents (name TEXT PRIMARY KEY, content TEXT NOT NULL)'],
  },
]

/** The signing keys as a document, sealed under the master keys by the ring itself. */
export function signingKeyDocument(database: Database): SigningKeyStorage {
  const name = 'signing-keys'
  return {
    description: 'signing keys in the database',
    private: false,
    async read() {
      const row = await first<{ content: string }>(
        database,
        'SELECT content FROM coatcheck_documents WHERE name = $1',
        name,
      )
      return row?.content ?? null
    },
    async replace(before, after) {
      const changed =
        before === null
          ? await database.run(
              'INSERT INTO coatcheck_documents VALUES ($1, $2) ON CONFLICT (name) DO NOTHING',
              name,
              after,
            )
          : await database.run(
              'UPDATE coatcheck_documents SET content = $1 WHERE name = $2 AND content = $3',
              after,
              name,
              before,
            )
      return changed === 1
    },
  }
}
