import type { SigningKeyStorage } from '../../../src/tokens/index.ts'

interface Database {
  query(
    text: string,
    values: readonly unknown[],
  ): Promise<{ rows: { value: string }[]; rowCount: number | null }>
}

/** A table `settings (name text primary key, value text not null)`. Others can read it, so the ring has to be sealed. */
export function inTable(database: Database): SigningKeyStorage {
  return {
    description: 'table settings',
    private: false,
    async read() {
      const { rows } = await database.query('SELECT value FROM settings WHERE name = $1', ['signing-keys'])
      return rows[0]?.value ?? null
    },
    async replace(before, after) {
      const text =
        before === null
          ? 'INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING'
          : 'UPDATE settings SET value = $2 WHERE name = $1 AND value = $3'
      const values = before === null ? ['signing-keys', after] : ['signing-keys', after, before]
      return (await database.query(text, values)).rowCount === 1
    },
  }
}
