import { describe, expect, it } from 'vitest'
import { describeToken } from '../../src/core/describe-token.ts'
import { OneTimeRecords } from '../../src/core/one-time.ts'
import { createSessions } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { createApiKeys, createKeyRing, createTokens, ephemeralSigningKeys } from '../../src/tokens/index.ts'
import { loginRequest } from '../helpers/nodes.ts'

const ISSUER = 'https://accounts.example'

describe('what anybody can read off a token', () => {
  it('is the public id of a session or refresh token, and the slot of its key', async () => {
    const { sessions, tokens } = parts()
    const { token, session } = await sessions.manager.login(null, loginRequest('ada'))
    const issued = await tokens.issue(session.record, { id: 'app', audience: ISSUER })
    const refreshToken = issued.ok ? issued.refreshToken : ''
    expect(describeToken(token ?? '')).toEqual({
      kind: 'session',
      version: 1,
      keySlot: 0,
      id: session.record.id,
    })
    expect(describeToken(refreshToken)).toMatchObject({ kind: 'session', version: 1 })
  })

  it('is the id and hint of an API key, if its checksum is right', async () => {
    const { text, key } = await createApiKeys({ store: memory(), prefix: 'shop_live' }).create({
      owner: 'ada',
    })
    const { id, hint } = key
    expect(describeToken(text)).toEqual({ kind: 'api-key', prefix: 'shop_live', checksum: true, id, hint })
    const mistyped = text.slice(0, -1) + (text.endsWith('0') ? '1' : '0')
    const nothing = { checksum: false, id: null, hint: null }
    expect(describeToken(mistyped)).toEqual({ kind: 'api-key', prefix: 'shop_live', ...nothing })
  })

  it('is header and claims of an access token, and that a code is one', async () => {
    const { sessions, tokens } = parts()
    const { session } = await sessions.manager.login(null, loginRequest('ada'))
    const { accessToken: token } = await tokens.accessToken(session.record, { audience: ISSUER })
    expect(describeToken(token)).toMatchObject({
      kind: 'access-token',
      header: { alg: expect.any(String), kid: expect.any(String) },
      claims: { iss: ISSUER, sub: 'ada', sid: session.record.id },
    })
    const code = await new OneTimeRecords(sessions.manager, 'ticket').issue({}, 1_000)
    expect(describeToken(code)).toEqual({ kind: 'one-time-code', version: 1, keySlot: 0 })
  })

  it.each([
    ['nothing', ''],
    ['a word', 'hunter2'],
    ['a JWT of no JSON', 'eyJhbGc.eyJzdWI.c2ln'],
    ['a JWT whose claims are a list', `eyJh.${btoa('[1]')}.x`],
    ['32 characters that no code begins with', 'z'.repeat(32)],
    ['a session token of an unknown version', 'z'.repeat(68)],
    ['an emoji', '\u{1f9e5}'.repeat(16)],
  ])('is nothing for %s', (_, text) => {
    expect(describeToken(text)).toBeNull()
  })
})

function parts() {
  const sessions = createSessions<object>({ store: memory() })
  const keys = createKeyRing({ storage: ephemeralSigningKeys() })
  return { sessions, tokens: createTokens({ sessions, keys, issuer: ISSUER }) }
}
