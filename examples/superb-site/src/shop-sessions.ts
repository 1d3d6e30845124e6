import { join } from 'node:path'
import {
  createSessions,
  type DataOf,
  type Environment,
  field,
  type JsonFields,
  type Session,
  type Sessions,
} from 'coatcheck'
import { sqlite } from 'coatcheck/sqlite'
import { z } from 'zod'
import { Address } from './address.ts'
import { addToCart, Cart, EMPTY_CART } from './cart.ts'
import { CURRENCIES } from './money.ts'
import { THEMES } from './preferences.ts'

const Notice = z.object({ tone: z.enum(['good', 'bad']), text: z.string() })

/** What a session holds. `carry`: comes along from the visitor's session to the one that a login makes; nothing else does. */
const data = {
  cart: field(Cart, { default: EMPTY_CART, carry: true }),
  theme: field(z.enum(THEMES), { default: 'auto', carry: true }),
  currency: field(z.enum(CURRENCIES), { default: 'EUR', carry: true }),
  /** Where the order under way goes, between the steps of the checkout. */
  address: Address,
  /** Shown once, on the next page. */
  notice: Notice,
}

export type ShopData = DataOf<typeof data>
export type ShopSessions = Sessions<ShopData>
export type ShopSession = Session<ShopData>

export interface ShopSessionsOptions {
  /** Clock and randomness; tests give a fake one. Default: the machine's. */
  readonly environment?: Environment
}

/** The shop's sessions: the embedded store beside a key file, both made at the first start. All limits are the defaults. */
export function createShopSessions(dataDirectory: string, options: ShopSessionsOptions = {}): ShopSessions {
  return createSessions({
    store: sqlite(join(dataDirectory, 'sessions.db')),
    data,
    schemaVersion: 2,
    upgrade,
    ...options,
  })
}

/** Version 1 kept a cart as a list with an entry for each click. Sessions of that time go on with what was in them. */
function upgrade({ cart }: JsonFields): JsonFields {
  const clicks = z.array(Cart.shape.lines.element).safeParse(cart).data ?? []
  const upgraded = clicks.reduce<Cart>((sum, { sku, quantity }) => addToCart(sum, sku, quantity), EMPTY_CART)
  return { cart: { id: upgraded.id, lines: upgraded.lines.map((line) => ({ ...line })) } }
}
