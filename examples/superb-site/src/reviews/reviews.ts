import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { FIRST_REVIEWS } from './first-reviews.ts'

export const LONGEST_TEXT = 600

/** What a guest writes. */
export const Opinion = z.object({
  rating: z
    .int('Choose one to five stars.')
    .min(1, 'Choose one to five stars.')
    .max(5, 'Choose one to five stars.'),
  text: z
    .string()
    // Forms send the ends of lines as two characters, and count them as one.
    .overwrite((text) => text.replaceAll('\r\n', '\n'))
    .trim()
    .min(1, 'Write a few words.')
    .max(LONGEST_TEXT, `At most ${LONGEST_TEXT} characters.`)
    // Of what is invisible only line ends, and what joins emoji.
    .regex(/^[\P{C}\n\t\u200d]*$/u, 'There are characters in it that cannot be shown.'),
})
export type Opinion = Readonly<z.infer<typeof Opinion>>

export interface Review extends Opinion {
  readonly sku: string
  /** Guests sign with the number of a ticket: names stay with the accounts server. */
  readonly guest: number
  /** Epoch milliseconds. */
  readonly writtenAt: number
}

/** Of one article. */
export interface Summary {
  readonly count: number
  /** 1 to 5; `null` where nobody has written yet. */
  readonly average: number | null
}

/** Who wrote what about which article, in `reviews.db`. */
export class Reviews {
  readonly #database: DatabaseSync
  readonly #clock: Clock

  constructor(dataDirectory: string, clock: Clock) {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 })
    const path = join(dataDirectory, 'reviews.db')
    this.#database = new DatabaseSync(path)
    this.#clock = clock
    chmodSync(path, 0o600)
    this.#database.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON')
    this.#database.exec(SCHEMA)
    this.#fill()
  }

  /** The number that a user of the accounts server signs with; a new one at the first time. */
  guestOf(userId: string): number {
    const known = this.#database.prepare('SELECT number FROM guests WHERE user_id = ?').get(userId)
    if (known) return Number(known.number)
    this.#database.prepare('INSERT INTO guests (user_id) VALUES (?) ON CONFLICT DO NOTHING').run(userId)
    return this.guestOf(userId)
  }

  /** One of each guest for each article: a second one replaces the first. */
  write(userId: string, sku: string, { rating, text }: Opinion): Review {
    const review = { sku, guest: this.guestOf(userId), rating, text, writtenAt: this.#clock.now() }
    this.#save(review)
    return review
  }

  /** The latest first. */
  of(sku: string): readonly Review[] {
    return this.#list('WHERE sku = ? ORDER BY written_at DESC, guest', sku)
  }

  latest(count: number): readonly Review[] {
    return this.#list('ORDER BY written_at DESC, guest LIMIT ?', count)
  }

  summaryOf(sku: string): Summary {
    const row = this.#database
      .prepare('SELECT count(*) AS count, avg(rating) AS average FROM reviews WHERE sku = ?')
      .get(sku) as unknown as Summary
    return { count: row.count, average: row.average }
  }

  close(): void {
    this.#database.close()
  }

  #list(rest: string, value: string | number): readonly Review[] {
    const statement = this.#database.prepare(
      `SELECT sku, guest, rating, text, written_at AS "writtenAt" FROM reviews ${rest}`,
    )
    return statement.all(value) as unknown as readonly Review[]
  }

  #save({ sku, guest, rating, text, writtenAt }: Review): void {
    this.#database
      .prepare(
        `INSERT INTO reviews (sku, guest, rating, text, written_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (sku, guest) DO UPDATE SET rating = excluded.rating, text = excluded.text, written_at = excluded.written_at`,
      )
      .run(sku, guest, rating, text, writtenAt)
  }

  /** At the first start, so that there is something to read. */
  #fill(): void {
    if (this.latest(1).length > 0) return
    const day = 86_400_000
    for (const { guest, daysAgo, ...review } of FIRST_REVIEWS) {
      this.#database.prepare('INSERT INTO guests (number) VALUES (?) ON CONFLICT DO NOTHING').run(guest)
      this.#save({ ...review, guest, writtenAt: this.#clock.now() - daysAgo * day })
    }
  }
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS guests (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id TEXT UNIQUE
) STRICT;

CREATE TABLE IF NOT EXISTS reviews (
  sku TEXT NOT NULL,
  guest INTEGER NOT NULL REFERENCES guests (number),
  rating INTEGER NOT NULL,
  text TEXT NOT NULL,
  written_at INTEGER NOT NULL,
  PRIMARY KEY (sku, guest)
) STRICT;
`
