import { describe, expect, it } from 'vitest'
import {
  addToCart,
  beginCheckout,
  type Cart,
  mergeCarts,
  priceCart,
  setQuantity,
  withoutOrdered,
} from '../src/cart.ts'
import { PRODUCTS, searchProducts } from '../src/catalogue.ts'
import { convert, formatMoney } from '../src/money.ts'
import { Throttle } from '../src/throttle.ts'

const CART: Cart = {
  id: 'c1',
  lines: [
    { sku: 'peg', quantity: 3 },
    { sku: 'bell', quantity: 1 },
  ],
}

describe('money', () => {
  it('is converted once, half up, and shown exactly', () => {
    expect(convert(1_290, 'EUR')).toBe(1_290)
    expect(convert(1_290, 'USD')).toBe(1_393)
    expect(convert(1_250, 'GBP')).toBe(1_075)
    expect(convert(75, 'GBP')).toBe(65)
    expect(formatMoney(5, 'EUR')).toBe('€0.05')
    expect(formatMoney(123_456_789, 'USD')).toBe('$1,234,567.89')
    expect(formatMoney(9_007_199_254_740_991, 'GBP')).toBe('£90,071,992,547,409.91')
  })

  it('adds up: the lines of a cart make its total in every currency', () => {
    for (const currency of ['EUR', 'USD', 'GBP'] as const) {
      const lines = PRODUCTS.map(({ sku }, index) => ({ sku, quantity: index + 1 }))
      const priced = priceCart({ id: 'c', lines }, currency)
      expect(priced.total).toBe(priced.lines.reduce((sum, { unit, quantity }) => sum + unit * quantity, 0))
    }
  })
})

describe('a cart', () => {
  it('takes an id when its checkout begins and keeps it, whatever comes in', () => {
    const begun = beginCheckout(addToCart({ id: '', lines: [] }, 'peg', 1), 'first')
    const again = beginCheckout(addToCart(begun, 'peg', 2), 'second')
    expect(again).toEqual({ id: 'first', lines: [{ sku: 'peg', quantity: 3 }] })
  })

  it('keeps the order of its lines when a quantity changes, and drops a line at zero', () => {
    expect(setQuantity(CART, 'peg', 5).lines.map(({ sku }) => sku)).toEqual(['peg', 'bell'])
    expect(setQuantity(CART, 'peg', 0).lines).toEqual([{ sku: 'bell', quantity: 1 }])
    expect(setQuantity(CART, 'scarf', 0)).toEqual(CART)
  })

  it('merges by the larger number, and twice is as once', () => {
    const leftover = {
      id: 'c0',
      lines: [
        { sku: 'peg', quantity: 2 },
        { sku: 'bell', quantity: 4 },
        { sku: 'scarf', quantity: 1 },
      ],
    }
    const merged = mergeCarts(CART, leftover)
    expect(merged.lines.map(({ quantity }) => quantity)).toEqual([3, 4, 1])
    expect(mergeCarts(merged, leftover)).toEqual(merged)
  })

  it('is emptied of an order once, and of nothing else', () => {
    const order = { id: 'c1', lines: [{ sku: 'peg', quantity: 2 }] }
    const after = withoutOrdered(CART, order)
    expect(after).toEqual({
      id: '',
      lines: [
        { sku: 'peg', quantity: 1 },
        { sku: 'bell', quantity: 1 },
      ],
    })
    expect(withoutOrdered(after, order)).toBe(after)
  })
})

describe('the search', () => {
  it('wants every word, in any field, and heeds the category', () => {
    expect(searchProducts(null, 'BRASS hook')).toEqual([])
    expect(searchProducts(null, '  brass  flame ').map(({ sku }) => sku)).toEqual(['lantern'])
    expect(searchProducts('care', '')).toHaveLength(3)
    expect(searchProducts('care', 'brass')).toEqual([])
  })
})

describe('the throttle', () => {
  const limits = { free: 2, window: 60_000, firstWait: 1_000, longestWait: 4_000 }

  it('lets the free attempts pass, then doubles the wait up to the longest', () => {
    const clock = { time: 0, now: () => clock.time }
    const throttle = new Throttle(limits, clock)
    expect([throttle.begin('a'), throttle.begin('a'), throttle.begin('a')]).toEqual([0, 0, 1_000])
    for (const wait of [2_000, 4_000, 4_000]) {
      clock.time += throttle.begin('a')
      expect(throttle.begin('a')).toBe(0)
      expect(throttle.begin('a')).toBe(wait)
    }
    expect(throttle.begin('b')).toBe(0)
  })

  it('forgets after the window, and when told to', () => {
    const clock = { time: 0, now: () => clock.time }
    const throttle = new Throttle(limits, clock)
    for (const key of ['a', 'a', 'b', 'b']) throttle.begin(key)
    throttle.forget('a')
    expect([throttle.begin('a'), throttle.begin('b')]).toEqual([0, 1_000])
    clock.time += 60_000
    expect([throttle.begin('b'), throttle.begin('b')]).toEqual([0, 0])
  })

  it('holds ten thousand keys and forgets the oldest of more', () => {
    const throttle = new Throttle(limits, { now: () => 0 })
    throttle.begin('first')
    throttle.begin('first')
    for (let key = 0; key < 9_999; key++) throttle.begin(String(key))
    expect(throttle.begin('first')).toBe(1_000)
    throttle.begin('one more')
    expect(throttle.begin('first')).toBe(0)
  })
})
