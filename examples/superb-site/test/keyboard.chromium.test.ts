import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ALICE, Shopper } from './browser/shopper.ts'
import { launchBrowser, openStage, type Stage } from './browser/stage.ts'

/** More stops than any page has. */
const MOST_STOPS = 120

let stage: Stage
let browser: Browser
let page: Page

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser?.close())
beforeEach(async () => {
  stage = await openStage()
  const context = await browser.newContext({ javaScriptEnabled: false })
  page = await context.newPage()
  return async () => {
    await context.close()
    await stage.close()
  }
})

describe('with the keyboard alone', () => {
  it('somebody fills a cart, opens an account, orders, and logs out', async () => {
    await page.goto(stage.origin)
    await tabTo('button', 'Add Brass coat peg to the cart')
    await follow()
    await tabTo('link', 'Cart (1)')
    await follow()
    await tabTo('link', 'Go to checkout')
    await follow()
    await tabTo('link', 'Open an account')
    await follow()
    await type('Name', 'clara')
    await type('Password', 'velvet collar and brass')
    await follow()
    await type('Street and number', '12 Peg Lane')
    await type('Postcode', 'N1 9GU')
    await type('Town', 'London')
    await follow()
    await tabTo('button', 'Place the order')
    await follow()
    expect(await page.textContent('main')).toContain('Your order is placed')
    await tabTo('button', 'Log out clara')
    await follow()
    expect(await new Shopper(page, stage.origin).signedInAs()).toBeNull()
  })

  it('somebody logs all others out, and changes the password', async () => {
    await new Shopper(page, stage.origin).logIn()
    await tabTo('link', 'Your account')
    await follow()
    await tabTo('link', /devices/i)
    await follow()
    await tabTo('button', 'Log out all others')
    await follow()
    expect(await page.textContent('main')).toContain('Ended 0 other sessions')
    stage.clock.advance(6 * 60_000)
    await tabTo('link', 'Your account')
    await follow()
    await tabTo('link', /password/i)
    await follow()
    await type('Your password', ALICE.password)
    await follow()
    await type('New password', 'thirteen velvet hangers')
    await follow()
    expect(await page.textContent('main')).toContain('Your password is changed')
  })

  it('somebody chooses a theme and a currency', async () => {
    await page.goto(`${stage.origin}/preferences`)
    await tabTo('radio', 'As the device has it')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    await tabTo('button', 'Keep these')
    await follow()
    expect(await page.getAttribute('html', 'data-theme')).toBe('dark')
  })

  it('the first stop leads past the menu to the content', async () => {
    await page.goto(stage.origin)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.querySelector("main").contains(document.activeElement)')).toBe(true)
  })

  it('each stop can be seen to have the focus, and no page holds it fast', async () => {
    const shopper = new Shopper(page, stage.origin)
    await shopper.addToCart('Brass coat peg')
    for (const path of ['/', '/products/bell', '/cart', '/login', '/sign-up', '/preferences', '/lab']) {
      await page.goto(stage.origin + path)
      expect(await unseenStops()).toEqual([])
    }
    await shopper.logIn()
    for (const path of ['/checkout', '/orders', '/account', '/account/password', '/devices', '/confirm']) {
      await page.goto(stage.origin + path)
      expect(await unseenStops()).toEqual([])
    }
  })
})

/** Presses Tab until the element has the focus. */
async function tabTo(role: 'link' | 'button' | 'radio' | 'textbox', name: string | RegExp): Promise<void> {
  const wanted = page.getByRole(role, { name }).first()
  for (let stop = 0; stop < MOST_STOPS; stop++) {
    await page.keyboard.press('Tab')
    if ((await page.locator(':focus').and(wanted).count()) > 0) return
  }
  throw new Error(`${role} '${name}' cannot be reached on ${page.url()}`)
}

async function type(label: string, text: string): Promise<void> {
  await tabTo('textbox', label)
  await page.keyboard.type(text)
}

/** Enter, and the page that comes of it. */
async function follow(): Promise<void> {
  await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')])
}

/** Goes once through all stops of the page; answers those whose focus does not show. */
async function unseenStops(): Promise<string[]> {
  const unseen: string[] = []
  for (let stop = 0; stop < MOST_STOPS; stop++) {
    await page.keyboard.press('Tab')
    const { name, isPage, isSeen } = await page.evaluate<Focus>(DESCRIBE_FOCUS)
    if (isPage) return unseen
    if (!isSeen) unseen.push(name)
  }
  return [...unseen, 'the focus never leaves the page']
}

interface Focus {
  readonly name: string
  readonly isPage: boolean
  readonly isSeen: boolean
}

const DESCRIBE_FOCUS = `(() => {
  const { activeElement: focused, body } = document
  const { outlineStyle, outlineWidth } = getComputedStyle(focused)
  return {
    name: focused.outerHTML.slice(0, 80),
    isPage: focused === body,
    isSeen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2,
  }
})()`
