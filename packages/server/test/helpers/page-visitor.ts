import { CookieJar } from 'coatcheck/testing'

/** What came back for one request; redirects are not followed. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly location: string | null
}

export type Fields = Readonly<Record<string, string>>

/** A browser without JavaScript: cookies, forms of our own pages, and the headers that browsers send with them. */
export class PageVisitor {
  jar = new CookieJar()
  readonly #origin: string
  readonly #headers: Readonly<Record<string, string>>

  constructor(origin: string, headers: Readonly<Record<string, string>> = {}) {
    this.#origin = origin
    this.#headers = headers
  }

  get(path: string, headers: Fields = {}): Promise<Answer> {
    return this.#fetch(path, { headers: { 'sec-fetch-site': 'none', ...headers } })
  }

  post(path: string, fields: Fields, headers: Fields = {}): Promise<Answer> {
    const body = new URLSearchParams(fields)
    return this.#fetch(path, {
      method: 'POST',
      body,
      headers: { 'sec-fetch-site': 'same-origin', ...headers },
    })
  }

  /** Sends the form of a page that posts to `action` (default: the page), with its hidden fields and these. */
  async submit(path: string, fields: Fields, action = path.split('?')[0] ?? path): Promise<Answer> {
    const { text } = await this.get(path)
    const form = text.split('<form').find((part) => part.includes(`action="${action}"`)) ?? ''
    const hidden = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
    return this.post(action, {
      ...Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, unescaped(value)])),
      ...fields,
    })
  }

  login(name: string, password: string, more: Fields = {}): Promise<Answer> {
    return this.post('/login', { name, password, ...more })
  }

  async #fetch(path: string, init: RequestInit & { readonly headers: Fields }): Promise<Answer> {
    const url = new URL(path, this.#origin)
    const cookie = this.jar.header
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { ...this.#headers, ...(cookie && { cookie }), ...init.headers },
    })
    this.jar.receive(response.headers.getSetCookie())
    const location = response.headers.get('location')
    return { status: response.status, headers: response.headers, text: await response.text(), location }
  }
}

function unescaped(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
