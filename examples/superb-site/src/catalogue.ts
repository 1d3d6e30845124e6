export interface Product {
  readonly sku: string
  readonly name: string
  readonly text: string
  /** In cents, so that sums are exact. */
  readonly price: number
}

export const PRODUCTS: readonly Product[] = [
  { sku: 'peg', name: 'Brass coat peg', text: 'Holds one coat, forever.', price: 1_290 },
  { sku: 'ticket', name: 'Roll of tickets', text: 'Five hundred numbers that say nothing.', price: 690 },
  { sku: 'bell', name: 'Counter bell', text: 'One ring, one attendant.', price: 2_450 },
  { sku: 'hanger', name: 'Cedar hanger', text: 'Keeps its shape, and so does the coat.', price: 990 },
  { sku: 'umbrella', name: 'Black umbrella', text: 'The one thing everybody leaves behind.', price: 3_900 },
  { sku: 'scarf', name: 'Wool scarf', text: 'Goes into the sleeve.', price: 2_900 },
]

const bySku = new Map(PRODUCTS.map((product) => [product.sku, product]))

export function findProduct(sku: unknown): Product | undefined {
  return typeof sku === 'string' ? bySku.get(sku) : undefined
}

export function formatPrice(cents: number): string {
  return `€ ${(cents / 100).toFixed(2)}`
}
