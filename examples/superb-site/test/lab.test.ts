import { type IncomingHttpHeaders, request } from 'node:http'
import { assertNoTokens } from 'coatcheck/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ATTACKS } from '../src/lab/attacks.ts'
import { type ShopProcess, startShop, temporaryDirectory } from './shop-process.ts'
import { Visitor } from './visitor.ts'

/** What each attack's verdict begins with, and the row or promise that it is about. */
const VERDICTS = {
  'fixation-planted': 'P5 ROT-01 refused: the log-in replaced the session',
  'fixation-chosen': 'P5 ROT-04 refused: the shop never issued this token',
  'replay-after-logout': 'P1 LIO-01 refused: the logout ended the session on the server',
  'replay-stolen': 'P4 ROT-06 refused: the replaced token came back',
  'late-write': 'P1 refused: the late write was dropped and reported',
  'cookie-tossing': 'CK-11 refused: of two live sessions neither is used',
  'cross-site-headers': 'CSRF-01 refused: all three were answered with 403',
  'forged-token': 'ROT-04 refused: no forgery was accepted',
  'token-in-url': 'TRN-03 refused: a token in a URL opens nothing',
  'parallel-carts': 'P2 kept: all 20 additions are in the cart',
} as const

const data = temporaryDirectory()
let shop: ShopProcess

beforeAll(async () => {
  shop = await startShop(data.path)
})
afterAll(async () => {
  const { output } = await shop.interrupt()
  expect(output).not.toContain('Error')
  assertNoTokens(output)
  data.dispose()
})

describe('the attack lab', () => {
  it('has a verdict here for each of its attacks', () => {
    expect(Object.keys(VERDICTS).sort()).toEqual(ATTACKS.map(({ id }) => id).sort())
  })

  for (const [id, expected] of Object.entries(VERDICTS)) {
    it(`${expected} (${id})`, async () => {
      const { status, body } = await new Visitor(shop.origin).post('/lab', { attack: id })
      const [, word = ''] = /((?:refused|kept): .*)/.exec(expected) ?? []
      expect(status).toBe(200)
      expect(body).toContain(`<p class="lab-verdict lab-held" role="status">${word}`)
      expect(body).not.toMatch(/lab-broken|NOT (?:refused|kept)/)
      assertNoTokens(body)
    })
  }

  it('runs all of them at once, and all fail', async () => {
    const { body } = await new Visitor(shop.origin).post('/lab', { attack: 'all' })
    expect(body).toContain(`All ${ATTACKS.length} attacks failed.`)
    expect(body.match(/class="lab-folded"/g)).toHaveLength(ATTACKS.length)
  })

  it('tells nothing of its guests in the reader’s own developer panel', async () => {
    const { body } = await new Visitor(shop.origin).post('/lab', { attack: 'fixation-planted' })
    const panel = body.slice(body.indexOf('aria-label="Developer panel"'))
    expect(panel).toContain('POST /lab')
    expect(panel).not.toContain('Session ended')
  })

  it('leaves the reader’s own session and account alone', async () => {
    const reader = new Visitor(shop.origin)
    await reader.post('/login', { name: 'alice', password: 'peg-and-ticket' })
    await reader.post('/cart', { sku: 'bell' })
    const { token } = reader
    const { body } = await reader.post('/lab', { attack: 'all' })
    expect(reader.token).toBe(token)
    expect(body).toContain('Cart (1)')
    expect(body.match(/Log out/g)).not.toBeNull()
    const devices = (await reader.get('/devices')).body
    expect(devices).not.toContain('superb-site-lab')
  })

  it('has guests by whose names nobody can sign up', async () => {
    for (const name of ['lab guest', 'lab mallory', 'LAB GUEST']) {
      const password = 'three-quite-different-words'
      const { status, body } = await new Visitor(shop.origin).post('/sign-up', { name, password })
      expect(status).toBe(422)
      expect(body).toContain('A name has letters, digits')
    }
  })

  it('goes back to its page for an attack that it does not know', async () => {
    expect(await new Visitor(shop.origin).post('/lab', { attack: '../etc' })).toMatchObject({
      status: 303,
      location: '/lab',
    })
  })

  it('CSRF-01 is not run by another site', async () => {
    const reader = new Visitor(shop.origin)
    await reader.post('/cart', { sku: 'bell' })
    const headers = { origin: 'http://attacker.localhost', 'sec-fetch-site': 'cross-site' }
    expect((await reader.post('/lab', { attack: 'all' }, headers)).status).toBe(403)
    expect((await new Visitor(shop.origin).post('/lab', { attack: 'all' }, headers)).status).toBe(403)
  })

  it('takes no more than so many runs in a minute', async () => {
    const own = temporaryDirectory()
    const busy = await startShop(own.path)
    const statuses: number[] = []
    for (let run = 0; run < 40; run++) {
      statuses.push((await new Visitor(busy.origin).post('/lab', { attack: 'token-in-url' })).status)
    }
    expect(statuses.slice(0, 30)).toEqual(Array(30).fill(200))
    expect(statuses.at(-1)).toBe(429)
    await busy.interrupt()
    own.dispose()
  })
})

describe('the attacker’s site', () => {
  const get = (path: string, host = 'attacker.localhost') =>
    new Promise<{ status: number; headers: IncomingHttpHeaders; body: string }>((resolve, reject) => {
      const { port } = new URL(shop.origin)
      request(`${shop.origin}${path}`, { headers: { host: `${host}:${port}` } }, (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          body += chunk
        })
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        )
      })
        .on('error', reject)
        .end()
    })

  it('has none of the shop’s pages and none of its cookies', async () => {
    for (const path of ['/', '/cart', '/lab', '/panel/events', '/panel.js', '/login?x']) {
      const { headers, body } = await get(path)
      expect(body).not.toContain('Superb Site')
      expect(headers['set-cookie'] ?? []).toEqual(
        path.startsWith('/login') ? ['__Host-sid=tossed; Domain=localhost; Path=/; Secure'] : [],
      )
    }
    expect((await get('/prize', 'localhost')).body).toContain('Superb Site')
  })

  it('attacks shops on this machine only, whatever its query says', async () => {
    expect((await get('/prize?shop=shop.localhost:80')).body).toContain(
      'action="http://shop.localhost:80/cart"',
    )
    for (const shopName of [
      'evil.example',
      'localhost.evil.example',
      'localhost:80@evil.example',
      '"><script>',
    ]) {
      const { body } = await get(`/prize?shop=${encodeURIComponent(shopName)}`)
      expect(body).toMatch(/action="http:\/\/localhost:\d+\/cart"/)
    }
  })
})
