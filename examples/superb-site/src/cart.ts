import { z } from 'zod'
import { findProduct, type Product } from './catalogue.ts'
import { type Currency, convert, type MinorUnits } from './money.ts'

export const MOST_OF_ONE = 99

const CartLine = z.object({ sku: z.string().max(40), quantity: z.number().int().min(1).max(MOST_OF_ONE) })

/**
 * What is in a cart, one line per article, and the id that it gets when its checkout begins: an order names the cart
 * that it empties, so that a button pressed twice orders once. Empty before that.
 */
export const Cart = z.object({ id: z.string().max(40), lines: z.array(CartLine).max(100) })

export type CartLine = Readonly<z.infer<typeof CartLine>>
export interface Cart {
  readonly id: string
  readonly lines: readonly CartLine[]
}

export const EMPTY_CART: z.infer<typeof Cart> = { id: '', lines: [] }

// The functions below are pure: `session.update` runs them again when another request was faster.

/** With `quantity` more of an article. */
export function addToCart(cart: Cart, sku: string, quantity: number): Cart {
  const had = cart.lines.find((line) => line.sku === sku)?.quantity ?? 0
  return setQuantity(cart, sku, had + quantity)
}

/** With so many of an article, at most 99; none for zero. An article that is new goes to the end. */
export function setQuantity(cart: Cart, sku: string, quantity: number): Cart {
  const line = { sku, quantity: Math.min(quantity, MOST_OF_ONE) }
  const isThere = cart.lines.some((other) => other.sku === sku)
  const lines = isThere
    ? cart.lines.map((other) => (other.sku === sku ? line : other))
    : [...cart.lines, line]
  return { ...cart, lines: lines.filter((other) => other.quantity > 0) }
}

/** With what was left over from an earlier visit: of each article the larger number, so nothing is lost and nothing doubled. */
export function mergeCarts(cart: Cart, leftover: Cart): Cart {
  let merged: Cart = { ...cart, id: cart.id || leftover.id }
  for (const { sku, quantity } of leftover.lines) {
    const had = merged.lines.find((line) => line.sku === sku)?.quantity ?? 0
    merged = setQuantity(merged, sku, Math.max(had, quantity))
  }
  return merged
}

/** With `newId`, unless it has one: of two checkouts at once, both order the same cart. */
export function beginCheckout(cart: Cart, newId: string): Cart {
  return { ...cart, id: cart.id || newId }
}

/**
 * Without what was ordered from it, and without its id. A cart that has another id by now was emptied of this order already,
 * so doing it again changes nothing; what came in since the order stays.
 */
export function withoutOrdered(cart: Cart, order: Cart): Cart {
  if (cart.id !== order.id) return cart
  const ordered = new Map(order.lines.map(({ sku, quantity }) => [sku, quantity]))
  const lines = cart.lines
    .map(({ sku, quantity }) => ({ sku, quantity: quantity - (ordered.get(sku) ?? 0) }))
    .filter(({ quantity }) => quantity > 0)
  return { id: '', lines }
}

export interface PricedLine {
  readonly product: Product
  readonly quantity: number
  readonly unit: MinorUnits
  readonly sum: MinorUnits
}

export interface PricedCart {
  readonly lines: readonly PricedLine[]
  readonly total: MinorUnits
}

/** The cart at today's prices. An article that is no longer in the catalogue is left out. */
export function priceCart(cart: Cart, currency: Currency): PricedCart {
  const lines = cart.lines.flatMap(({ sku, quantity }) => {
    const product = findProduct(sku)
    if (!product) return []
    const unit = convert(product.price, currency)
    return [{ product, quantity, unit, sum: unit * quantity }]
  })
  return { lines, total: lines.reduce((total, { sum }) => total + sum, 0) }
}

export function countItems(cart: Cart): number {
  return cart.lines.reduce((sum, { quantity }) => sum + quantity, 0)
}
