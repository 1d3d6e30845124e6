import type { ShopSessions } from '../shop-sessions.ts'
import type { ShopAddress } from './lab-client.ts'

/** A running shop, as the lab works on it. */
export interface Target {
  readonly at: ShopAddress
  readonly sessions: ShopSessions
}
