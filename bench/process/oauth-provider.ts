import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import { type Client, type Grant, Provider } from 'oidc-provider'
import { CHALLENGE, CLIENT, type OauthSide, REDIRECT } from './oauth-side.ts'

/** What of `oidc-provider` makes a code without a browser; it brings no types of its own. */
interface Models {
  readonly Client: { find(id: string): Promise<Client> }
  readonly AuthorizationCode: new (properties: object) => { save(ttl?: number): Promise<string> }
}

/** The protocol library as it comes, with its memory adapter: nothing is hashed, sealed, written to a disk, logged or told of. */
export async function openProvider(): Promise<OauthSide> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const secret = 'a-secret-of-two-hundred-and-fifty-six-bits-or-so'
  const provider = new Provider(address, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: 'one' }] },
    clients: [
      {
        ...{ client_id: CLIENT, client_secret: secret, redirect_uris: [REDIRECT] },
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
    },
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, name: 'Ann', email: 'ann@example.com' }),
    }),
    issueRefreshToken: async () => true,
    pkce: { required: () => true },
    rotateRefreshToken: () => true,
    routes: { introspection: '/oauth/introspect', token: '/oauth/token', userinfo: '/oauth/userinfo' },
    ttl: {
      ...{ AccessToken: 300, AuthorizationCode: 60, ClientCredentials: 300 },
      ...{ Grant: 86_400, IdToken: 300, RefreshToken: 86_400 },
    },
  })
  server.on('request', provider.callback())
  const models = provider as unknown as Models
  return {
    address,
    secret,
    async code(user) {
      const accountId = `user-${user}`
      const grant: Grant = new provider.Grant({ accountId, clientId: CLIENT })
      grant.addOIDCScope('openid profile email')
      const grantId = await grant.save()
      const client = await models.Client.find(CLIENT)
      const code = new models.AuthorizationCode({
        ...{ accountId, client, grantId, gty: 'authorization_code', scope: 'openid profile email' },
        ...{ redirectUri: REDIRECT, codeChallenge: CHALLENGE, codeChallengeMethod: 'S256' },
        ...{ authTime: Math.floor(Date.now() / 1_000), expiresWithSession: false },
      })
      return code.save()
    },
    async close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
