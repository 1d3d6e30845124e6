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
})
