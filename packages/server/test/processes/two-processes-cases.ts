import { CookieJar } from 'coatcheck/testing'
import { createAccessTokenVerifier, type JsonWebKeySet } from 'coatcheck/tokens'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PageVisitor } from '../helpers/page-visitor.ts'
import { ServerProcess } from '../helpers/server-process.ts'
import type { Written } from '../helpers/test-server.ts'

const PUBLIC = 'http://accounts.localhost'
const PASSWORD = 'nine quiet harpsichords'
const AUDIENCE = 'https://reports.example'
/** Longest that an end may take to arrive at the other process: `maxStaleness`, and room for a busy machine. */
const SOON = { timeout: 5_000, interval: 50 }

/** Two processes over one store, which visitors are sent to in turn. `settings` answers those of a store that is empty. */
export function twoProcessesCases(engine: string, settings: () => Promise<Directed>): void {
  describe(`two servers over one store, ${engine}`, () => {
    let written: Directed
    let one: ServerProcess
    let other: ServerProcess

    beforeAll(async () => {
      written = { rotateEvery: '1s', publicUrl: PUBLIC, trustProxy: '127.0.0.1', ...(await settings()) }
      ;[one, other] = await Promise.all([ServerProcess.start(written), ServerProcess.start(written)])
    })

    afterAll(() => Promise.all([one?.kill(), other?.kill()]))

    it('P12 who logs in at one is signed in at the other', async () => {
      const visitor = await signedIn(one, 'ada')
      expect(await isSignedIn(other, visitor)).toBe(true)
      const page = await at(other, visitor).get('/account')
      expect([page.status, page.text.includes('ada')]).toEqual([200, true])
    })

    it('LIO-01 P7 who logs out at one is signed out at the other', async () => {
      const visitor = await signedIn(one, 'bob')
      const copy = visitor.jar.header
      expect(await isSignedIn(other, visitor)).toBe(true)
      await at(one, visitor).submit('/logout', {})
      await expect.poll(() => passes(other, copy), SOON).toBe(false)
      expect(await passes(one, copy)).toBe(false)
    })

    it('P3 a rotation that both begin at once leads to one token, and signs nobody out', async () => {
      const visitor = await signedIn(one, 'carol')
      const before = visitor.jar.header
      await new Promise((resolve) => setTimeout(resolve, 1_200))
      const tabs = [one, other, one, other].map((server) => {
        const tab = at(server, visitor)
        tab.jar = new CookieJar()
        tab.jar.receive(cookiesOf(before))
        return tab
      })
      const pages = await Promise.all(tabs.map((tab) => tab.get('/account')))
      expect(pages.map(({ status }) => status)).toEqual([200, 200, 200, 200])
      const tokens = new Set(tabs.map((tab) => tab.jar.header).filter((header) => header !== before))
      expect(tokens.size).toBe(1)
      for (const server of [one, other]) {
        for (const cookie of [before, ...tokens]) expect(await passes(server, cookie)).toBe(true)
      }
    })

    it('P7 CON-04 ending everybody at one ends them at the other, and who logs in after that stays', async () => {
      const visitors = [await signedIn(one, 'dave'), await signedIn(other, 'erin')]
      for (const visitor of visitors) expect(await isSignedIn(other, visitor)).toBe(true)
      expect(await one.administer('/sessions/end', { everyone: true })).toBe(200)
      for (const visitor of visitors) {
        await expect.poll(() => isSignedIn(other, visitor), SOON).toBe(false)
        expect(await isSignedIn(one, visitor)).toBe(false)
      }
      const later = await signedIn(other, 'dave')
      expect([await isSignedIn(one, later), await isSignedIn(other, later)]).toEqual([true, true])
    })

    it('a rotation of signing keys at one is known at the other: tokens of before and after are good', async () => {
      const visitor = await signedIn(one, 'frank')
      const before = await tokenFrom(one, visitor)
      expect(await one.administer('/signing-keys/rotate')).toBe(200)
      const after = await tokenFrom(one, visitor)
      for (const server of [one, other]) {
        const answer = await fetch(`${server.publicAddress}/oauth/jwks`)
        const jwks = (await answer.json()) as JsonWebKeySet
        const verifier = createAccessTokenVerifier({ jwks, issuer: PUBLIC, audience: AUDIENCE })
        for (const token of [before, after]) expect(await verifier.verify(token)).toMatchObject({ ok: true })
      }
      expect(await isSignedIn(other, visitor)).toBe(true)
    })

    it('P1 P3 one that is killed in a storm of logins takes nobody along, and brings nobody back', async () => {
      const storm = new Storm(one, other)
      await storm.until(12)
      await one.kill()
      await storm.until(24)
      const { signedIn: in_, signedOut } = await storm.end()
      expect(in_.length).toBeGreaterThan(6)
      expect(signedOut.length).toBeGreaterThan(2)
      const again = await ServerProcess.start(written)
      for (const server of [other, again]) {
        for (const cookie of in_) expect(await passes(server, cookie)).toBe(true)
        for (const cookie of signedOut) expect(await passes(server, cookie)).toBe(false)
      }
      await again.kill()
    }, 120_000)
  })
}

type Directed = Written & { readonly dataDirectory: string }

/** Visitors who log in, and every third of whom logs out again, at either server until they are told to end. */
class Storm {
  readonly #one: ServerProcess
  readonly #other: ServerProcess
  readonly #signedIn: string[] = []
  readonly #signedOut: string[] = []
  readonly #runs: Promise<void>[]
  #ending = false

  constructor(one: ServerProcess, other: ServerProcess) {
    this.#one = one
    this.#other = other
    this.#runs = [0, 1, 2, 3].map((index) => this.#run(index))
  }

  async until(count: number): Promise<void> {
    await expect
      .poll(() => this.#signedIn.length + this.#signedOut.length, { timeout: 60_000 })
      .toBeGreaterThan(count)
  }

  /** Cookies of those whose login was answered, and of those whose logout was. */
  async end(): Promise<{ signedIn: string[]; signedOut: string[] }> {
    this.#ending = true
    await Promise.all(this.#runs)
    return { signedIn: this.#signedIn, signedOut: this.#signedOut }
  }

  async #run(index: number): Promise<void> {
    const name = `storm-${index}-${Math.floor(performance.now())}`
    await this.#other.createAccount(name, PASSWORD)
    for (let turn = index; !this.#ending; turn++) {
      const server = turn % 2 === 0 ? this.#one : this.#other
      try {
        await this.#visit(server, name, turn % 3 === 0)
      } catch (error) {
        // What was not answered may have happened or not.
        if (!(error instanceof TypeError)) throw error
      }
    }
  }

  async #visit(server: ServerProcess, name: string, leaves: boolean): Promise<void> {
    const visitor = new PageVisitor(server.publicAddress)
    const { status } = await visitor.login(name, PASSWORD)
    if (status !== 303) return
    const cookie = visitor.jar.header
    if (!leaves) {
      this.#signedIn.push(cookie)
      return
    }
    const left = await visitor.submit('/logout', {})
    if (left.status < 400) this.#signedOut.push(cookie)
  }
}

async function signedIn(server: ServerProcess, name: string): Promise<PageVisitor> {
  await server.createAccount(name, PASSWORD)
  const visitor = new PageVisitor(server.publicAddress)
  const { status } = await visitor.login(name, PASSWORD)
  expect(status).toBe(303)
  return visitor
}

/** The same browser, sent to another server. */
function at(server: ServerProcess, { jar }: PageVisitor): PageVisitor {
  const visitor = new PageVisitor(server.publicAddress)
  visitor.jar = jar
  return visitor
}

function isSignedIn(server: ServerProcess, { jar }: PageVisitor): Promise<boolean> {
  return passes(server, jar.header)
}

/** Whether a proxy would let a request with this cookie pass. */
async function passes(server: ServerProcess, cookie: string): Promise<boolean> {
  const { status } = await subRequest(server, cookie)
  if (status !== 204 && status !== 401) throw new Error(`forward-auth answered ${status}.`)
  return status === 204
}

async function tokenFrom(server: ServerProcess, { jar }: PageVisitor): Promise<string> {
  const { headers } = await subRequest(server, jar.header, `?token=${encodeURIComponent(AUDIENCE)}`)
  return headers.get('x-auth-token') ?? ''
}

function subRequest(server: ServerProcess, cookie: string, query = ''): Promise<Response> {
  const headers = {
    ...{ 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/', 'x-forwarded-proto': 'http' },
    ...{ 'x-forwarded-host': new URL(PUBLIC).host, 'x-forwarded-for': '127.0.0.1', cookie },
  }
  return fetch(`${server.publicAddress}/forward-auth${query}`, { headers })
}

function cookiesOf(header: string): string[] {
  return header.split('; ').map((pair) => `${pair}; Path=/; Secure`)
}
