import { request as ask } from 'node:http'
import { connect } from 'node:net'

export interface Received {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export interface Sent {
  readonly method?: string
  /** Values of one name may be several. */
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string | Buffer
}

/** One request to an address of this machine, whose host may be any name. Redirects are not followed. */
export function send(address: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Received> {
  const { port, host, pathname, search } = new URL(address)
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const all = { host, ...length, ...headers }
    const options = { host: '127.0.0.1', port, path: pathname + search, method, headers: all }
    const request = ask({ ...options, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const { statusCode: status = 0, headers: received } = response
        resolve({ status, headers: received, body: Buffer.concat(chunks).toString('latin1') })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** The status of the answer to a request that no library would send; 0: the connection was closed without one. */
export function sendRaw(port: number, text: string): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from(text, 'latin1')))
    let answer = ''
    const statuses = () => [...answer.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status))
    const final = () => statuses().find((status) => status !== 100) ?? 0
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
      if (final() !== 0) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(final()))
  })
}

interface Kept {
  readonly value: string
  /** Host name, or domain. */
  readonly at: string
  readonly shared: boolean
}

/** Cookies of a browser, as far as hosts and domains go: ports and paths make no difference. */
export class CookieJar {
  #cookies: readonly (Kept & { readonly name: string })[] = []

  header(address: string): string {
    const { hostname } = new URL(address)
    const sent = this.#cookies.filter(
      ({ at, shared }) => hostname === at || (shared && hostname.endsWith(`.${at}`)),
    )
    return sent.map(({ name, value }) => `${name}=${value}`).join('; ')
  }

  store(address: string, setCookies: readonly string[] | string | undefined): void {
    for (const setCookie of [setCookies ?? []].flat()) {
      const [pair = ''] = setCookie.split(';')
      const name = pair.slice(0, pair.indexOf('='))
      const domain = /;\s*Domain=([^;]*)/i.exec(setCookie)?.[1]
      const kept = {
        name,
        value: pair.slice(name.length + 1),
        at: domain ?? new URL(address).hostname,
        shared: domain !== undefined,
      }
      const others = this.#cookies.filter((cookie) => cookie.name !== name || cookie.at !== kept.at)
      this.#cookies = /Max-Age=0/.test(setCookie) ? others : [...others, kept]
    }
  }
}

/** Fills in the first form of the page at an address, and goes where that leads. */
export async function submit(jar: CookieJar, address: string, fields: Readonly<Record<string, string>>) {
  const { answer, address: at } = await browse(jar, address)
  const form = answer.body.slice(answer.body.indexOf('<form'), answer.body.indexOf('</form>'))
  const action = /action="([^"]*)"/.exec(form)?.[1] ?? ''
  const hidden = [...form.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g)]
  const given = {
    ...Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value.replaceAll('&amp;', '&')])),
    ...fields,
  }
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' }
  return browse(jar, new URL(action, at).href, {
    method: 'POST',
    headers,
    body: new URLSearchParams(given).toString(),
  })
}

/** Goes where a browser would, with its cookies, until an answer is no redirect; answers with each address on the way. */
export async function browse(
  jar: CookieJar,
  address: string,
  given: Sent = {},
): Promise<{ readonly answer: Received; readonly address: string; readonly way: readonly string[] }> {
  const way: string[] = []
  let at = address
  let sent = given
  for (;;) {
    way.push(at)
    const navigation = { accept: 'text/html', 'sec-fetch-mode': 'navigate', cookie: jar.header(at) }
    const answer = await send(at, { ...sent, headers: { ...navigation, ...sent.headers } })
    jar.store(at, answer.headers['set-cookie'])
    const { location } = answer.headers
    if (typeof location !== 'string' || way.length > 20) return { answer, address: at, way }
    at = new URL(location, at).href
    sent = {}
  }
}
