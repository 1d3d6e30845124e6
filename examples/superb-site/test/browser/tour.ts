import type { Shopper } from './shopper.ts'

/** A page as the tour finds it. */
export interface Stop {
  /** Of the screenshot's file. */
  readonly name: string
  visit(shopper: Shopper): Promise<unknown>
}

const PASSWORD = 'velvet collar and brass'

/**
 * Every page of the shop, in an order in which each finds what it needs: a visitor looks around, fills a cart, opens an
 * account, orders, and looks after the account. To be taken from the beginning, in a browser that was never here.
 */
export const TOUR: readonly Stop[] = [
  { name: 'catalogue', visit: (shopper) => shopper.open('/') },
  { name: 'catalogue-search', visit: (shopper) => shopper.open('/?category=care&q=coat') },
  { name: 'catalogue-nothing-found', visit: (shopper) => shopper.open('/?q=tortoise+saddle') },
  { name: 'product', visit: (shopper) => shopper.open('/products/umbrella') },
  { name: 'cart-empty', visit: (shopper) => shopper.open('/cart') },
  { name: 'catalogue-added', visit: (shopper) => shopper.addToCart('Brass coat peg') },
  {
    name: 'cart',
    async visit(shopper) {
      await shopper.addToCart('Wool scarf')
      await shopper.open('/cart')
    },
  },
  {
    name: 'login-failed',
    async visit(shopper) {
      await shopper.open('/login')
      await shopper.fill({ Name: 'alice', Password: 'not this one' })
      await shopper.press('Log in')
    },
  },
  { name: 'login', visit: (shopper) => shopper.open('/login?return=/checkout') },
  {
    name: 'sign-up-failed',
    async visit(shopper) {
      await shopper.open('/sign-up')
      await shopper.fill({ Name: 'alice the second', Password: 'short' })
      await shopper.press('Open the account')
    },
  },
  { name: 'sign-up', visit: (shopper) => shopper.open('/sign-up?return=/checkout') },
  {
    name: 'checkout-address',
    async visit(shopper) {
      await shopper.fill({ Name: 'clara', Password: PASSWORD })
      await shopper.press('Open the account')
    },
  },
  {
    name: 'checkout-review',
    async visit(shopper) {
      await shopper.fill({ Name: 'Clara', 'Street and number': '12 Peg Lane' })
      await shopper.fill({ Postcode: 'N1 9GU', Town: 'London' })
      await shopper.press('Continue')
    },
  },
  { name: 'checkout-done', visit: (shopper) => shopper.press(/^Place the order/) },
  { name: 'orders', visit: (shopper) => shopper.open('/orders') },
  { name: 'order', visit: (shopper) => shopper.follow(/^Order /) },
  { name: 'account', visit: (shopper) => shopper.open('/account') },
  { name: 'devices', visit: (shopper) => shopper.open('/devices') },
  { name: 'preferences', visit: (shopper) => shopper.open('/preferences') },
  { name: 'password', visit: (shopper) => shopper.open('/account/password') },
  { name: 'confirm', visit: (shopper) => shopper.open('/confirm?return=/account/password') },
  {
    name: 'panel',
    async visit(shopper) {
      await shopper.open('/products/bell')
      await shopper.page.getByText('Developer panel').click()
    },
  },
  { name: 'lab', visit: (shopper) => shopper.open('/lab') },
  { name: 'lab-result', visit: (shopper) => shopper.press('Run: A real token, planted before the log-in') },
  {
    name: 'lab-other-site',
    async visit(shopper) {
      await shopper.open('/lab')
      await shopper.follow(/prize page/)
    },
  },
  { name: 'refused', visit: (shopper) => shopper.press('Claim my coat') },
  {
    name: 'logged-out',
    async visit(shopper) {
      await shopper.open('/account')
      await shopper.logOut()
    },
  },
  { name: 'not-found', visit: (shopper) => shopper.open('/nowhere') },
]
