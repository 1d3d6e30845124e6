import { join } from 'node:path'
import { createSessions, field, type Sessions } from 'coatcheck'
import { sqlite } from 'coatcheck/sqlite'
import { z } from 'zod'

const CartLine = z.object({ sku: z.string(), quantity: z.number().int().min(1).max(99) })
const Notice = z.object({ tone: z.enum(['good', 'bad']), text: z.string() })

const data = {
  cart: field(z.array(CartLine), { default: [], carry: true }),
  /** Shown once, on the next page. */
  notice: Notice,
  visits: field(z.number(), { default: 0 }),
}

export type CartLine = z.infer<typeof CartLine>
export interface ShopData {
  cart: CartLine[]
  notice: z.infer<typeof Notice> | undefined
  visits: number
}
export type ShopSessions = Sessions<ShopData>

/** The shop's sessions: the embedded store beside a key file, both made at the first start. */
export function createShopSessions(dataDirectory: string): ShopSessions {
  return createSessions({ store: sqlite(join(dataDirectory, 'sessions.db')), data })
}
