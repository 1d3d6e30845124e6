import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Accounts } from '../src/accounts.ts'
import { openDatabase } from '../src/database.ts'
import { type OrderRequest, Orders } from '../src/orders.ts'
import { temporaryDirectory } from './shop-process.ts'

const clock = { now: () => 1_800_000_000_000 }
const ADDRESS = { recipient: 'Ada', street: '1 Row', postcode: 'N1', city: 'London', country: 'GB' } as const
const LINES = [{ sku: 'bell', name: 'Counter bell', quantity: 1, unit: 2_450, sum: 2_450 }]

let data: ReturnType<typeof temporaryDirectory>
let here: ReturnType<typeof openDatabase>
let elsewhere: ReturnType<typeof openDatabase>

beforeEach(() => {
  data = temporaryDirectory()
  here = openDatabase(data.path)
  elsewhere = openDatabase(data.path)
})
afterEach(() => {
  here.close()
  elsewhere.close()
  data.dispose()
})

describe('orders', () => {
  it('of one cart are one, also where two processes place it at the same moment', async () => {
    const request = await requestOf('carol', 'cart-1')
    const first = new Orders(here, clock).place(request)
    const second = new Orders(elsewhere, clock).place({ ...request, total: 1 })
    expect(second).toEqual(first)
    expect(new Orders(here, clock).list(request.userId)).toEqual([first])
  })

  it('of different carts, and of different users with a cart of the same name, are different', async () => {
    const orders = new Orders(here, clock)
    const carol = await requestOf('carol', 'cart-1')
    const dave = await requestOf('dave', 'cart-1')
    const numbers = [carol, { ...carol, cartId: 'cart-2' }, dave].map(
      (request) => orders.place(request).number,
    )
    expect(new Set(numbers).size).toBe(3)
    expect(orders.list(carol.userId).map(({ number }) => number)).toEqual([numbers[1], numbers[0]])
  })
})

async function requestOf(name: string, cartId: string): Promise<OrderRequest> {
  const userId = (await new Accounts(here, clock).create(name, 'seven slow trombones')) ?? ''
  return { userId, cartId, currency: 'EUR', total: 2_450, lines: LINES, address: ADDRESS }
}
