import { type Attack, verdict } from '../attack.ts'

const CLICKS = 20

export const parallelCarts: Attack = {
  id: 'parallel-carts',
  title: 'Twenty clicks at once',
  promise: 'P2 no lost write',
  idea: 'Not an attack but the commonest fault: two requests read the cart, both change it, and the later save wipes out the earlier. Shops lose articles by it, and coupons are used twice.',
  defence:
    'A request sends what it did, not what it believes the session to be. The store applies each change to the latest value, exactly once.',

  async run(bench) {
    const visitor = bench.client()
    await bench.step('A visitor puts a roll of tickets into the cart', () =>
      visitor.post('/cart', { sku: 'ticket' }),
    )
    await bench.step(`The same ${CLICKS - 1} more times, all at once`, () =>
      Promise.all(Array.from({ length: CLICKS - 1 }, () => visitor.post('/cart', { sku: 'ticket' }))),
    )
    const page = await bench.step('How many are in the cart?', () => visitor.get('/cart'))
    const kept = Number(/Cart \((\d+)\)/.exec(page.body)?.[1] ?? 0)
    return verdict(kept === CLICKS, {
      word: 'kept',
      held: `all ${CLICKS} additions are in the cart.`,
      broken: `only ${kept} of ${CLICKS} additions are in the cart.`,
    })
  },
}
