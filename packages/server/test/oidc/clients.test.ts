import { describe, expect, it } from 'vitest'
import { adminApi } from '../../src/admin/admin-api.ts'
import { run } from '../../src/cli/command.ts'
import type { AddClient } from '../../src/oidc/clients.ts'
import { temporaryDirectory, testAuthority } from '../helpers/test-server.ts'

const SHOP: AddClient = {
  name: 'The shop',
  kind: 'confidential',
  redirectUris: ['https://shop.example/callback'],
}

describe('registered applications', () => {
  it('have a secret that is shown once and kept as a hash', async () => {
    const { oauth, database } = await testAuthority()
    const added = await oauth.clients.add(SHOP)
    expect(added).toMatchObject({ ok: true, client: { id: expect.stringMatching(/^the-shop-[a-z0-9]{8}$/) } })
    const secret = added.ok ? added.secret : null
    expect(secret).toMatch(/^coatcheck_secret_[\w-]{43}$/)
    expect(JSON.stringify(await database.all('SELECT * FROM coatcheck_oauth_clients'))).not.toContain(secret)
    expect(JSON.stringify(await oauth.clients.list())).not.toMatch(/hash|coatcheck_secret/)
  })

  it('OA-01 are registered with addresses alone that nobody else can have', async () => {
    const { oauth } = await testAuthority()
    const wrong: readonly [string, Partial<AddClient>][] = [
      ['a redirect over plain HTTP', { redirectUris: ['http://shop.example/callback'] }],
      ['one on loopback, but in development', { redirectUris: ['http://shop.localhost:3000/callback'] }],
      ['one with a fragment', { redirectUris: ['https://shop.example/callback#x'] }],
      ['one with a user name', { redirectUris: ['https://ann@shop.example/callback'] }],
      ['one with a wildcard', { redirectUris: ['https://*.shop.example/callback'] }],
      ['one with dots in its path', { redirectUris: ['https://shop.example/a/../callback'] }],
      ['one with a scheme of an app', { redirectUris: ['com.example.app:/callback'] }],
      ['one that runs a script', { redirectUris: ['javascript:alert(1)'] }],
      ['none', { redirectUris: [] }],
      ['a service with a redirect', { kind: 'service' }],
      ['an app with a scheme that anybody may have', { kind: 'native', redirectUris: ['app:/callback'] }],
      [
        'an app on the network over plain HTTP',
        { kind: 'native', redirectUris: ['http://192.0.2.1/callback'] },
      ],
      ['a notice on loopback', { backchannelLogoutUri: 'http://127.0.0.1:9/' }],
      ['an id like nothing', { id: 'Shop/..' }],
      ['a name that moves the cursor', { name: 'Shop\u001b[2J' }],
      ['a scope that there is not', { scopes: ['openid', 'admin'] }],
      ['a resource that is no URI', { resources: { api: ['read'] } }],
      [
        'a scope of a resource that means something else',
        { resources: { 'https://api.example': ['openid'] } },
      ],
      ['keys of an application without a server', { kind: 'public', jwks: { keys: [] } }],
    ]
    for (const [what, terms] of wrong) {
      expect([what, (await oauth.clients.add({ ...SHOP, ...terms })).ok]).toEqual([what, false])
    }
    expect(await oauth.clients.list()).toEqual([])
  })

  it('of one id there is one, however many are registered at once', async () => {
    const { oauth } = await testAuthority()
    const all = await Promise.all(
      Array.from({ length: 10 }, () => oauth.clients.add({ ...SHOP, id: 'shop' })),
    )
    expect(all.filter(({ ok }) => ok)).toHaveLength(1)
  })

  it('of two rotations at once both secrets are good as long as their overlap says', async () => {
    const { oauth } = await testAuthority()
    await oauth.clients.add({ ...SHOP, id: 'shop' })
    const made = await Promise.all([
      oauth.clients.rotateSecret('shop', 1_000),
      oauth.clients.rotateSecret('shop', 1_000),
    ])
    const { coatcheck } = Object((await oauth.clients.metadata('shop')) ?? {})
    for (const secret of made) expect(oauth.clients.isSecret('shop', coatcheck, secret ?? '')).toBe(true)
    expect(oauth.clients.isSecret('other', coatcheck, made[0] ?? '')).toBe(false)
  })

  it('are administered over the admin API', async () => {
    const authority = await testAuthority()
    const api = adminApi(authority, { local: true })
    const send = (method: string, path: string, body?: unknown) =>
      api.request(path, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
    expect((await send('POST', '/clients', { ...SHOP, redirectUris: ['http://x.example'] })).status).toBe(400)
    expect((await send('POST', '/clients', { ...SHOP, unheardOf: 1 })).status).toBe(400)
    const made = await send('POST', '/clients', { ...SHOP, id: 'shop' })
    expect([made.status, await made.json()]).toEqual([
      201,
      expect.objectContaining({ secret: expect.any(String) }),
    ])
    expect(await (await send('GET', '/clients')).json()).toMatchObject({
      clients: [{ id: 'shop' }],
      cursor: null,
    })
    expect((await send('POST', '/clients/shop/rotate-secret', { overlapSeconds: 60 })).status).toBe(200)
    expect((await send('POST', '/clients/none/rotate-secret', { overlapSeconds: 60 })).status).toBe(404)
    expect((await send('DELETE', '/clients/shop')).status).toBe(204)
    expect((await send('DELETE', '/clients/shop')).status).toBe(404)
    await authority.audit.flush()
    const events = await authority.database.all<{ event: string }>(
      "SELECT event FROM coatcheck_audit WHERE event LIKE 'client.%'",
    )
    expect(events.map(({ event }) => event).sort()).toEqual([
      'client.added',
      'client.removed',
      'client.secret-rotated',
    ])
  })

  it('are administered from the command line', async () => {
    const directory = temporaryDirectory()
    const authority = await testAuthority({ dataDirectory: directory })
    const coatcheck = async (...given: string[]) => {
      let text = ''
      const out = { write: (part: string) => (text += part) }
      const surroundings = { env: {}, stdout: out, stderr: out, once: () => {} }
      const code = await run([...given, '--data-directory', directory], surroundings as never)
      return { code, text }
    }
    const added = await coatcheck(
      'clients',
      'add',
      'The shop',
      '--id',
      'shop',
      '--redirect',
      'https://shop.example/cb',
      '--api',
      'https://api.example/v1=read,write',
      '--trusted',
    )
    expect(added).toMatchObject({
      code: 0,
      text: expect.stringMatching(/client id: shop\nsecret: {4}coatcheck_secret_/),
    })
    expect(await authority.oauth.clients.find('shop')).toMatchObject({
      trusted: true,
      resources: { 'https://api.example/v1': ['read', 'write'] },
    })
    expect((await coatcheck('clients', 'add', 'Other', '--redirect', 'http://shop.example/cb')).code).toBe(2)
    expect((await coatcheck('clients', 'list')).text).toMatch(
      /shop +The shop +confidential +yes +https:\/\/shop.example\/cb/,
    )
    expect((await coatcheck('clients', 'rotate-secret', 'shop', '--overlap', '60')).text).toMatch(
      /^coatcheck_secret_/,
    )
    expect((await coatcheck('clients', 'remove', 'shop')).code).toBe(0)
    expect((await coatcheck('clients', 'remove', 'shop')).code).toBe(1)
  })
})
