import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Environment } from 'coatcheck'
import * as openid from 'openid-client'
import { expect, vi } from 'vitest'
import type { Authority } from '../../src/authority.ts'
import type { AddClient } from '../../src/oidc/clients.ts'
import { startTestServer, type Written } from '../helpers/test-server.ts'

export const CALLBACK = 'https://shop.example/callback'
const PASSWORD = 'correct horse battery staple'

/** A server with a user, and applications by the libraries that applications use. */
export interface Sso {
  readonly authority: Authority
  readonly issuer: string
  readonly userId: string
  /** Where it listens; the issuer stands for all processes together. */
  readonly address: string
  browser(): Browser
  /** Registers an application and discovers the server for it. */
  application(asked?: Partial<AddClient>): Promise<Application>
}

export interface Application {
  readonly id: string
  readonly secret: string | null
  readonly config: openid.Configuration
}

export async function startSso(
  written: Written = {},
  options: { readonly environment?: Environment } = {},
): Promise<Sso> {
  const port = written.port ?? String(await freePort())
  const issuer = written.publicUrl ?? `http://127.0.0.1:${port}`
  const { authority, publicAddress } = await startTestServer({ ...written, port, publicUrl: issuer }, options)
  const userId = await user(authority)
  return {
    authority,
    issuer,
    userId,
    address: publicAddress,
    browser: () => new Browser(authority, issuer, userId),
    application: (asked) => application(authority, issuer, asked),
  }
}

async function user({ accounts }: Authority): Promise<string> {
  const known = await accounts.findByName('ann@example.com')
  if (known) return known.id
  const made = await accounts.create({ name: 'ann@example.com', password: PASSWORD, claims: { name: 'Ann' } })
  if (!made.ok) throw new Error(made.reason)
  return made.account.id
}

async function application(
  authority: Authority,
  issuer: string,
  asked: Partial<AddClient> = {},
): Promise<Application> {
  const added = await authority.oauth.clients.add({
    name: 'The shop',
    kind: 'confidential',
    trusted: true,
    redirectUris: asked.kind === 'service' ? [] : [CALLBACK],
    postLogoutRedirectUris: asked.kind === 'service' ? [] : ['https://shop.example/bye'],
    ...asked,
  })
  if (!added.ok) throw new Error(added.mistakes.join(' '))
  const { client, secret } = added
  const config = await openid.discovery(
    new URL(issuer),
    client.id,
    undefined,
    secret === null ? openid.None() : openid.ClientSecretBasic(secret),
    { execute: [openid.allowInsecureRequests] },
  )
  return { id: client.id, secret, config }
}

/** A user agent that keeps cookies by path and follows what pages tell it to follow, as long as it stays on the server. */
export class Browser {
  readonly #authority: Authority
  readonly #issuer: string
  readonly #userId: string
  readonly #jar = new Map<string, { readonly name: string; readonly value: string; readonly path: string }>()

  constructor(authority: Authority, issuer: string, userId: string) {
    this.#authority = authority
    this.#issuer = issuer
    this.#userId = userId
  }

  /** As the login page does; answers the session's id. */
  async logIn({ level = 'aal1', userId = this.#userId } = {}): Promise<string> {
    const { sessions } = this.#authority
    const { session, token } = await sessions.manager.login(null, {
      userId,
      transport: 'cookie',
      context: { userAgent: null, address: null, label: null, fingerprint: '' },
      remember: false,
      authentication: { methods: ['pwd'], level },
      data: {},
      carry: [],
      operations: [],
      attempt: null,
    })
    const { name } = sessions.http.cookie
    this.#jar.set(`${name} /`, { name, value: token, path: '/' })
    return session.record.id
  }

  get cookies(): readonly string[] {
    return [...this.#jar.values()].map(({ name }) => name)
  }

  get cookieValues(): readonly string[] {
    return [...this.#jar.values()].map(({ value }) => value)
  }

  /** A copy, as of somebody who has stolen all cookies. */
  steal(): Browser {
    const thief = new Browser(this.#authority, this.#issuer, this.#userId)
    for (const [key, cookie] of this.#jar) thief.#jar.set(key, cookie)
    return thief
  }

  async fetch(address: string | URL, init: RequestInit = {}): Promise<Response> {
    const url = new URL(address, this.#issuer)
    const cookie = [...this.#jar]
      .filter(([, { path }]) => url.pathname.startsWith(path))
      .map(([, { name, value }]) => `${name}=${value}`)
      .join('; ')
    const response = await fetch(url, {
      redirect: 'manual',
      ...init,
      headers: {
        'sec-fetch-site': 'same-origin',
        accept: 'text/html',
        ...(cookie && { cookie }),
        ...(init.headers as object),
      },
    })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    return response
  }

  /** Until an address elsewhere, the login page, or a page that waits for the user. */
  async go(
    address: string | URL,
    init: RequestInit = {},
  ): Promise<{ url: URL; response: Response; html: string }> {
    let url = new URL(address, this.#issuer)
    let response = await this.fetch(url, init)
    for (let step = 0; step < 10; step++) {
      const html = await response.text()
      const next = response.headers.get('location') ?? response.headers.get('refresh')?.replace('0;url=', '')
      if (next === undefined) return { url, response, html }
      url = new URL(next, url)
      if (url.origin !== this.#issuer || url.pathname === '/login') return { url, response, html }
      response = await this.fetch(url)
    }
    throw new Error('The browser goes round in circles.')
  }

  /** Sends the form of a page with what the user chose. */
  submit(page: { readonly url: URL; readonly html: string }, fields: Readonly<Record<string, string>>) {
    const action = /<form[^>]*action="([^"]*)"/.exec(page.html)?.[1] ?? page.url.href
    const hidden = [...page.html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(
      ([, name, value]) => [name, value] as [string, string],
    )
    return this.go(action, {
      method: 'POST',
      body: new URLSearchParams([...hidden, ...Object.entries(fields)]),
    })
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split('; ')
    const [name = '', value = ''] = pair.split(/=(.*)/s)
    const path = attributes.find((one) => one.toLowerCase().startsWith('path='))?.slice(5) ?? '/'
    const isGone =
      value === '' || attributes.some((one) => /^(?:max-age=0|expires=Thu, 01 Jan 1970)/i.test(one))
    if (isGone) this.#jar.delete(`${name} ${path}`)
    else this.#jar.set(`${name} ${path}`, { name, value, path })
  }
}

/** Two processes over one store, as behind a load balancer: requests of the application go to one and the other in turn. */
export async function startTwo(written: Written, browserOf: 'one' | 'other' = 'one') {
  const one = await startSso(written)
  const { dataDirectory } = one.authority.settings
  const port = String(await freePort())
  const other = await startSso({ ...written, dataDirectory, publicUrl: one.issuer, port })
  let turn = 0
  const fetchInTurn: openid.CustomFetch = (url, init) => {
    const { address } = turn++ % 2 === 0 ? one : other
    return fetch(url.replace(one.issuer, address), init as RequestInit)
  }
  return {
    one,
    other,
    browser: () => (browserOf === 'one' ? one : other).browser(),
    async application(asked?: Partial<AddClient>): Promise<Application> {
      const made = await one.application(asked)
      made.config[openid.customFetch] = fetchInTurn
      return made
    },
  }
}

/** What an application does to let a user in. */
export interface Started {
  readonly url: URL
  readonly verifier: string
  readonly state: string
  readonly nonce: string
}

export async function start(
  { config }: Application,
  parameters: Record<string, string> = {},
): Promise<Started> {
  const verifier = openid.randomPKCECodeVerifier()
  const state = openid.randomState()
  const nonce = openid.randomNonce()
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK,
    scope: 'openid',
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...parameters,
  })
  return { url, verifier, state, nonce }
}

export function redeem(
  { config }: Application,
  { verifier, state, nonce }: Started,
  callback: URL,
  options?: openid.DPoPOptions,
  parameters?: Record<string, string>,
) {
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce }
  return openid.authorizationCodeGrant(config, callback, checks, parameters, options)
}

/** The whole journey of a user who is signed in. */
export async function letIn(
  browser: Browser,
  application: Application,
  parameters: Record<string, string> = {},
) {
  const started = await start(application, parameters)
  const { url } = await browser.go(started.url)
  return redeem(application, started, url)
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Until another second has begun: the protocol counts in whole ones, and databases have clocks that cannot be set. */
export async function nextSecond(): Promise<void> {
  const second = () => Math.floor(Date.now() / 1_000)
  const now = second()
  await vi.waitFor(() => expect(second()).toBeGreaterThan(now), { timeout: 3_000, interval: 20 })
}
