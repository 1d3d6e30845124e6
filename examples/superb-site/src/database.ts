import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** What the shop itself keeps, beside the sessions and apart from them: `shop.db`, made at the first start. */
export function openDatabase(dataDirectory: string): DatabaseSync {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 })
  const path = join(dataDirectory, 'shop.db')
  const database = new DatabaseSync(path)
  // Addresses and password hashes are nobody else's business on a shared machine; SQLite's other files follow this one.
  chmodSync(path, 0o600)
  database.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON')
  database.exec(SCHEMA)
  return database
}

/** Two processes that start at once agree: each statement does nothing where its table exists. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS accounts (
  user_id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  theme TEXT,
  currency TEXT,
  leftover_cart TEXT,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS orders (
  number TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES accounts (user_id),
  cart_id TEXT NOT NULL,
  placed_at INTEGER NOT NULL,
  currency TEXT NOT NULL,
  total INTEGER NOT NULL,
  lines TEXT NOT NULL,
  address TEXT NOT NULL,
  UNIQUE (user_id, cart_id)
) STRICT;

CREATE INDEX IF NOT EXISTS orders_of_user ON orders (user_id, placed_at);
`
