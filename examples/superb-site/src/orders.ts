import { randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { Address } from './address.ts'
import type { Clock } from './clock.ts'
import type { Currency, MinorUnits } from './money.ts'

/** As it was when it was ordered, whatever the catalogue says later. */
export interface OrderLine {
  readonly sku: string
  readonly name: string
  readonly quantity: number
  readonly unit: MinorUnits
  readonly sum: MinorUnits
}

export interface OrderRequest {
  readonly userId: string
  /** Which cart is ordered. One cart is ordered once. */
  readonly cartId: string
  readonly currency: Currency
  readonly total: MinorUnits
  readonly lines: readonly OrderLine[]
  readonly address: Address
}

export interface Order extends OrderRequest {
  readonly number: string
  readonly placedAt: number
}

interface OrderRow {
  readonly number: string
  readonly user_id: string
  readonly cart_id: string
  readonly placed_at: number
  readonly currency: string
  readonly total: number
  readonly lines: string
  readonly address: string
}

export class Orders {
  readonly #database: DatabaseSync
  readonly #clock: Clock

  constructor(database: DatabaseSync, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  /** Places an order, once per cart: whoever asks again gets the order that was placed. The database decides who is first. */
  place(request: OrderRequest): Order {
    const { userId, cartId, currency, total, lines, address } = request
    this.#database
      .prepare(
        `INSERT INTO orders (number, user_id, cart_id, placed_at, currency, total, lines, address)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_id, cart_id) DO NOTHING`,
      )
      .run(
        newOrderNumber(),
        userId,
        cartId,
        this.#clock.now(),
        currency,
        total,
        JSON.stringify(lines),
        JSON.stringify(address),
      )
    const order = this.ofCart(userId, cartId)
    if (!order) throw new Error('An order that was just placed is not there.')
    return order
  }

  /** The order that a cart became, if it did. */
  ofCart(userId: string, cartId: string): Order | null {
    return this.#find('SELECT * FROM orders WHERE user_id = ? AND cart_id = ?', userId, cartId)
  }

  /** A user's own order; `null` for anybody else's, as if it did not exist. */
  find(userId: string, number: string): Order | null {
    return this.#find('SELECT * FROM orders WHERE user_id = ? AND number = ?', userId, number)
  }

  /** The latest first. */
  list(userId: string, limit = 100): readonly Order[] {
    return this.#database
      .prepare('SELECT * FROM orders WHERE user_id = ? ORDER BY placed_at DESC, rowid DESC LIMIT ?')
      .all(userId, limit)
      .map((row) => toOrder(row as unknown as OrderRow))
  }

  #find(sql: string, ...values: readonly string[]): Order | null {
    const row = this.#database.prepare(sql).get(...values) as OrderRow | undefined
    return row ? toOrder(row) : null
  }
}

/** Eight of Crockford's 32 letters, as in `7F3K-29QX`: easy to read out, and it tells nobody how many orders there are. */
function newOrderNumber(): string {
  const letters = [...randomBytes(8)].map((byte) => CROCKFORD[byte % 32]).join('')
  return `${letters.slice(0, 4)}-${letters.slice(4)}`
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

function toOrder(row: OrderRow): Order {
  return {
    number: row.number,
    userId: row.user_id,
    cartId: row.cart_id,
    placedAt: row.placed_at,
    currency: row.currency as Currency,
    total: row.total,
    lines: JSON.parse(row.lines) as OrderLine[],
    address: JSON.parse(row.address) as Address,
  }
}
