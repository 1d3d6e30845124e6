import type { Page, Response } from 'playwright-core'

export const ALICE = { name: 'alice', password: 'peg-and-ticket' }

const COOKIE = '__Host-sid'

/** What somebody does in the shop with a browser. */
export class Shopper {
  readonly page: Page
  readonly origin: string

  constructor(page: Page, origin: string) {
    this.page = page
    this.origin = origin
  }

  get #logOutButton() {
    return this.page.locator('header').getByRole('button', { name: /^Log out / })
  }

  async open(path: string): Promise<Response | null> {
    return this.page.goto(this.origin + path)
  }

  /** Fields by their labels. */
  async fill(fields: Readonly<Record<string, string>>): Promise<void> {
    for (const [label, text] of Object.entries(fields)) await this.page.getByLabel(label).fill(text)
  }

  /** A button of the page's content that sends a form, and the page that follows. */
  async press(name: string | RegExp): Promise<void> {
    await this.page.getByRole('main').getByRole('button', { name }).click()
    await this.page.waitForLoadState()
  }

  async follow(name: string | RegExp): Promise<void> {
    await this.page.getByRole('main').getByRole('link', { name }).first().click()
    await this.page.waitForLoadState()
  }

  async addToCart(article: string): Promise<void> {
    await this.open('/')
    await this.page.getByRole('button', { name: `Add ${article} to the cart` }).click()
    await this.page.getByRole('status').filter({ hasText: article }).waitFor()
  }

  async logIn(account = ALICE): Promise<void> {
    await this.sendLogin(account)
    await this.page.getByText(`Welcome, ${account.name}`).waitFor()
  }

  /** Logs in, and waits for a page for whoever is signed in by then: another tab may have been quicker. */
  async sendLogin({ name, password }: typeof ALICE): Promise<void> {
    await this.open('/login')
    await this.fill({ Name: name, Password: password })
    await this.press('Log in')
    await this.#logOutButton.waitFor()
  }

  async logOut(): Promise<void> {
    await this.#logOutButton.click()
    await this.page.getByRole('heading', { name: 'You are logged out' }).waitFor()
  }

  /** The name that the page says is signed in, `null` for a visitor. */
  async signedInAs(): Promise<string | null> {
    const [text = null] = await this.#logOutButton.allInnerTexts()
    return text?.replace('Log out ', '') ?? null
  }

  /** The session's cookie as the browser keeps it. */
  async cookie() {
    const cookies = await this.page.context().cookies(this.origin)
    return cookies.find(({ name }) => name === COOKIE)
  }

  async token(): Promise<string> {
    return (await this.cookie())?.value ?? ''
  }

  /** Puts a token where this browser keeps its own, as malware would. */
  async plant(token: string): Promise<void> {
    const cookie = { name: COOKIE, value: token, domain: 'localhost', path: '/' }
    await this.page.context().addCookies([{ ...cookie, secure: true, httpOnly: true, sameSite: 'Lax' }])
  }

  /** What the server answers to somebody else who has a token. */
  async asHolderOf(token: string, path: string): Promise<string> {
    const response = await fetch(this.origin + path, { headers: { cookie: `${COOKIE}=${token}` } })
    return response.text()
  }
}
