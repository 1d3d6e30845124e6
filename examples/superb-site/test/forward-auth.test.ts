import { request as ask } from 'node:http'
import { CookieJar } from 'coatcheck/testing'
import { describe, expect, it } from 'vitest'
import { PASSWORD, startStage } from './forward-auth/stage.ts'

describe('the pages behind forward-auth', () => {
  it('are for who is signed in, and are told who that is', async () => {
    const { visitor, demo } = await start()
    const login = await visitor.get(`${demo.address}/python/`)
    expect([login.status, login.location]).toEqual([
      302,
      `${visitor.accounts}/login?return_to=${encodeURIComponent(`${demo.address}/python/`)}`,
    ])
    expect((await visitor.logIn()).status).toBe(303)
    expect((await visitor.get(`${demo.address}/`)).body).toContain('Only for members')
    const page = await visitor.get(`${demo.address}/python/`)
    if (demo.hasPython) expect(page.body).toContain(`<strong id="user">${visitor.userId}</strong>`)
    else expect([page.status, page.body]).toEqual([404, expect.stringContaining('python3')])
    const lie = { 'x-auth-user': 'mallory', X_Auth_User: 'mallory' }
    expect((await visitor.get(`${demo.address}/python/`, lie)).body).not.toContain('mallory')
  })

  it('are closed after a sign-out on either side', async () => {
    const { visitor, demo } = await start()
    await visitor.logIn()
    const out = await visitor.post(`${demo.address}/.coatcheck/logout?return_to=/`)
    expect([out.status, out.location]).toEqual([303, '/'])
    expect((await visitor.get(`${demo.address}/`)).status).toBe(302)
    await visitor.logIn()
    expect((await visitor.get(`${demo.address}/`)).status).toBe(200)
    await visitor.post(`${visitor.accounts}/logout`)
    expect((await visitor.get(`${demo.address}/`)).status).toBe(302)
  })
})

async function start() {
  const { accounts, demo, userId } = await startStage()
  return { demo, visitor: new Visitor(accounts, userId) }
}

/** A browser: all ports of localhost share its cookies. */
class Visitor {
  readonly accounts: string
  readonly userId: string
  readonly #jar = new CookieJar()

  constructor(accounts: string, userId: string) {
    this.accounts = accounts
    this.userId = userId
  }

  get(address: string, headers: Record<string, string> = {}) {
    return this.#send(address, 'GET', { accept: 'text/html', 'sec-fetch-mode': 'navigate', ...headers })
  }

  post(address: string, fields: Record<string, string> = {}) {
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const headers = { ...type, origin: new URL(address).origin, 'sec-fetch-site': 'same-origin' }
    return this.#send(address, 'POST', headers, new URLSearchParams(fields).toString())
  }

  logIn() {
    return this.post(`${this.accounts}/login`, { name: 'Ada', password: PASSWORD })
  }

  #send(address: string, method: string, headers: Record<string, string>, body = '') {
    const cookie = this.#jar.header
    const all = {
      ...headers,
      ...(cookie && { cookie }),
      ...(body && { 'content-length': String(body.length) }),
    }
    return new Promise<{ status: number | undefined; location: string | undefined; body: string }>(
      (resolve, reject) => {
        const request = ask(address, { method, headers: all, agent: false, family: 4 }, (response) => {
          this.#jar.receive(response.headers['set-cookie'] ?? [])
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => {
            const { statusCode: status, headers: received } = response
            resolve({ status, location: received.location, body: Buffer.concat(chunks).toString() })
          })
        })
        request.on('error', reject)
        request.end(body)
      },
    )
  }
}
