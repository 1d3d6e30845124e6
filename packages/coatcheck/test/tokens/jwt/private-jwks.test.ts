import { expect, it } from 'vitest'
import { createKeyRing, ephemeralSigningKeys } from '../../../src/tokens/index.ts'

it('a ring hands out the keys that sign now and next, private halves and all, to who signs by itself', async () => {
  const ring = createKeyRing({ storage: ephemeralSigningKeys() })
  const { keys } = await ring.jwks()
  const exported = await ring.exportPrivateJwks()
  expect(exported).toEqual(keys.map((key) => ({ ...key, d: expect.any(String) })))
  const [{ d: one } = {}, { d: other } = {}] = exported
  expect(one).not.toBe(other)
})
