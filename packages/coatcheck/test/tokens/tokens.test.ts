import { describe, expect, it } from 'vitest'
import { createTokens, type TokensOptions } from '../../src/tokens/index.ts'
import { createNodes, HOUR, keysOf, login, MINUTE, SECOND, start, stepUp } from '../helpers/nodes.ts'
import {
  accessVerdict,
  claimsOf,
  ISSUER,
  ORDERS,
  PHONE,
  refreshed,
  STOCK,
  signedIn,
  type TokenNode,
  tokenNodes,
  withTokens,
} from './token-nodes.ts'

describe('an access token of a session', () => {
  it('JWT-06 says whose it is, for whom, for what, and how and when the user signed in', async () => {
    const { here } = tokenNodes()
    const { token } = await login(here, 'ada')
    here.environment.advance(MINUTE)
    const { session } = await stepUp(here, token)
    here.environment.advance(MINUTE)
    const answer = await here.tokens.accessToken(
      { id: session.record.id, userId: 'ada' },
      { audience: [ORDERS, STOCK], scope: ['orders:read', 'orders:write'], clientId: 'shop' },
    )
    expect(answer).toMatchObject({ tokenType: 'Bearer', expiresIn: 300, scope: 'orders:read orders:write' })
    const now = Math.floor(here.environment.now() / SECOND)
    expect(claimsOf(answer.accessToken)).toEqual({
      iss: ISSUER,
      sub: 'ada',
      aud: [ORDERS, STOCK],
      client_id: 'shop',
      scope: 'orders:read orders:write',
      sid: session.record.id,
      iat: now,
      exp: now + 300,
      auth_time: now - 60,
      amr: ['otp'],
      acr: 'aal2',
      jti: expect.stringMatching(/^[\w-]{22}$/),
    })
  })

  it('P8 never outlives the session', async () => {
    const { here } = tokenNodes({ absoluteTimeout: '1h', idleTimeout: '1h' })
    const { session } = await login(here, 'ada')
    const handle = { id: session.record.id, userId: 'ada' }
    here.environment.advance(HOUR - 2 * MINUTE)
    const { expiresIn } = await here.tokens.accessToken(handle, { audience: ORDERS, expiresIn: '10m' })
    expect(expiresIn).toBe(120)
  })

  it('P5 is for nobody who is not signed in, nor for another user than the session’s', async () => {
    const { here } = tokenNodes()
    const [anonymous, ada] = [await start(here), await login(here, 'ada')]
    const ask = (id: typeof ada.session.record.id | null, userId: string | null) =>
      here.tokens.accessToken({ id, userId }, { audience: ORDERS })
    for (const id of [null, anonymous.session.record.id]) {
      await expect(ask(id, null)).rejects.toMatchObject({ code: 'ERR_UNAUTHENTICATED', status: 401 })
    }
    await expect(ask(anonymous.session.record.id, 'ada')).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
    await expect(ask(ada.session.record.id, 'bob')).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
    const issue = here.tokens.issue({ id: ada.session.record.id, userId: 'bob' }, PHONE)
    await expect(issue).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
  })

  it('says nothing of a refresh token where its successor could not be sent with it', async () => {
    const [one, two] = createNodes({ keys: keysOf([1, 'current']) }, { keys: keysOf([2, 'current']) })
    const { ring } = tokenNodes({ environment: one.environment })
    const [here, there] = [withTokens(one, ring), withTokens(two, ring)]
    const { set } = await signedIn(here)
    here.environment.advance(5 * MINUTE)
    const next = await refreshed(here, set.refreshToken)
    expect(claimsOf(next.accessToken)).toMatchObject({ fam: set.familyId, gen: 1 })
    const kept = await refreshed(there, set.refreshToken)
    expect(kept.refreshToken).toBe(set.refreshToken)
    expect(claimsOf(kept.accessToken)).not.toHaveProperty('gen')
    here.environment.advance(3 * MINUTE)
    expect(await accessVerdict(there, kept.accessToken)).toBe('ok')
    await there.tokens.flush()
    expect((await refreshed(here, set.refreshToken)).refreshToken).toBe(next.refreshToken)
  })
})

describe('the options of tokens', () => {
  it('that cannot work are refused at construction', () => {
    const { here, ring } = tokenNodes()
    const good: TokensOptions = { sessions: here, keys: ring, issuer: ISSUER }
    const wrong: readonly object[] = [
      { sessions: {} },
      { keys: undefined },
      { issuer: '' },
      { accessTokenLife: '2h' },
      { accessTokenLife: 0 },
      { refresh: { idle: '40d' } },
      { refresh: { binding: 'always' } },
      { refresh: { abslute: '1d' } },
      { refesh: {} },
    ]
    for (const options of wrong) {
      expect(() => createTokens({ ...good, ...options } as TokensOptions)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION' }),
      )
    }
  })

  it('of a client that cannot work are refused at the call, before anything is written', async () => {
    const { here } = tokenNodes()
    const { session } = await signedIn(here)
    here.store.clearCalls()
    for (const client of [
      { audience: [] },
      { audience: '' },
      { scope: 'a"b' },
      { accessTokenLife: 'soon' },
    ]) {
      await expect(issueWith(here, session, client)).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_(USAGE|OPTION)$/),
      })
    }
    expect(new Set(here.store.calls.map(({ method }) => method))).toEqual(new Set(['find']))
  })
})

function issueWith(node: TokenNode, session: { readonly id: string }, client: object): Promise<unknown> {
  const handle = { id: session.id as never, userId: 'ada' }
  return node.tokens.issue(handle, { ...PHONE, ...client } as typeof PHONE)
}
