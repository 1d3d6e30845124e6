import { Buffer } from 'node:buffer'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as openid from 'openid-client'
import { createClient } from 'redis'
import { expect, it } from 'vitest'
import type { Open } from './races.cases.ts'
import { type Application, CALLBACK, letIn, redeem, type Sso, start } from './sso.ts'

const API = 'https://reviews.example/api'

/** The same on every engine. */
export function dumpCases(open: Open): void {
  it('P6 OA-06 a dump of every store after a whole journey holds nothing usable, as text, bytes or hex, and nothing in it opens any door', async () => {
    const sso = await open()
    const { issued, shop } = await journey(sso)
    await sso.authority.audit.flush()
    const bytes = await everything(sso)
    const texts = await storedTexts(sso)
    expect(bytes.includes(shop.id)).toBe(true)
    expect(texts.length).toBeGreaterThan(20)
    for (const value of issued) {
      expect(value.length).toBeGreaterThan(20)
      for (const form of formsOf(value)) expect([value, bytes.includes(form)]).toEqual([value, false])
    }
    for (const text of texts) expect([text, await doorsOpenedBy(sso, shop, text)]).toEqual([text, []])
  })
}

/** Everything that is handed out, and one of each kind that nobody has used. */
async function journey(sso: Sso) {
  const shop = await sso.application({ id: 'shop', resources: { [API]: ['read'] } })
  const robot = await sso.application({ id: 'robot', kind: 'service', resources: { [API]: ['read'] } })
  const next = await sso.authority.oauth.clients.rotateSecret(robot.id, 60_000)
  const own = await openid.clientCredentialsGrant(robot.config)
  const signed = await openid.clientCredentialsGrant(robot.config, { resource: API, scope: 'read' })
  const browser = sso.browser()
  await browser.logIn()
  const started = await start(shop, { scope: 'openid offline_access', prompt: 'consent' })
  const { url } = await browser.submit(await browser.go(started.url), { decision: 'allow' })
  const tokens = await redeem(shop, started, url)
  const refreshed = await openid.refreshTokenGrant(shop.config, tokens.refresh_token ?? '')
  const forApi = await letIn(browser, shop, { scope: 'openid read', resource: API })
  const proven = await start(shop)
  const DPoP = openid.getDPoPHandle(shop.config, await openid.randomDPoPKeyPair())
  const bound = await redeem(shop, proven, (await browser.go(proven.url)).url, { DPoP })
  const asked = await start(shop)
  const pushed = await openid.buildAuthorizationUrlWithPAR(
    shop.config,
    Object.fromEntries(asked.url.searchParams),
  )
  const unused = (await browser.go((await start(shop)).url)).url
  const waiting = sso.browser()
  await waiting.go((await start(shop, { redirect_uri: CALLBACK })).url)
  const issued = [
    ...[shop.secret, robot.secret, next, own.access_token, signed.access_token],
    ...[tokens, refreshed, forApi, bound].flatMap((one) => [
      one.access_token,
      one.refresh_token,
      one.id_token,
    ]),
    ...[url, unused].map(({ searchParams }) => searchParams.get('code')),
    pushed.searchParams.get('request_uri')?.split(':').at(-1),
    ...[browser, waiting].flatMap((one) => one.cookieValues).filter((value) => value.length > 20),
  ].filter((value) => typeof value === 'string')
  expect(issued.length).toBeGreaterThan(18)
  return { issued, shop }
}

/** A value as it is, its bytes where it is base64url, and each of both in hex and base64. */
function formsOf(value: string): (string | Buffer)[] {
  const parts = value.split('.').filter((part) => part.length > 20 && !part.startsWith('eyJ'))
  const raw = [
    Buffer.from(value),
    ...parts.map((part) => Buffer.from(part.replace(/^coatcheck_secret_/, ''), 'base64url')),
  ]
  return raw.flatMap((bytes) => [
    bytes,
    ...(['hex', 'base64', 'base64url'] as const).map((encoding) => bytes.toString(encoding)),
    bytes.toString('hex').toUpperCase(),
  ])
}

/** Files of the data directory, rows of the database, and what Redis has. */
async function everything(sso: Sso): Promise<Buffer> {
  const { dataDirectory, store } = sso.authority.settings
  const files = readdirSync(dataDirectory, { withFileTypes: true, recursive: true })
    // The master key is what a dump of the stores does not have.
    .filter((entry) => entry.isFile() && !entry.name.includes('key'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)))
  const rows = Buffer.from(JSON.stringify(await tables(sso)))
  return Buffer.concat([...files, rows, ...(store?.startsWith('redis') ? await redisValues(store) : [])])
}

async function tables({ authority: { database } }: Sso): Promise<object[]> {
  const names = await database.all<{ name: string }>(
    database.dialect === 'sqlite'
      ? "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'coatcheck_%'"
      : "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
  )
  const rowsOf = ({ name }: { name: string }) =>
    // PostgreSQL writes bytes in hex here.
    database.all(
      database.dialect === 'sqlite'
        ? `SELECT * FROM ${name}`
        : `SELECT to_jsonb(t)::text AS row FROM ${name} t`,
    )
  return (await Promise.all(names.map(rowsOf))).flat()
}

async function redisValues(url: string): Promise<Buffer[]> {
  const client = await createClient({ url }).connect()
  const values: Buffer[] = []
  for await (const keys of client.scanIterator()) {
    for (const key of keys) {
      // Text with everything that the key holds, whatever its type is.
      const script = `local t = redis.call('TYPE', KEYS[1]).ok
        if t == 'string' then return { redis.call('GET', KEYS[1]) } end
        if t == 'hash' then return redis.call('HGETALL', KEYS[1]) end
        if t == 'zset' then return redis.call('ZRANGE', KEYS[1], 0, -1) end
        if t == 'set' then return redis.call('SMEMBERS', KEYS[1]) end
        return {}`
      const found = (await client.eval(script, { keys: [key] })) as string[]
      values.push(Buffer.from([key, ...found].join(' '), 'utf8'))
    }
  }
  await client.close()
  return values
}

/** Every text of the tables of this server that could be taken for a credential: also each part of one. */
async function storedTexts({ authority: { database } }: Sso): Promise<string[]> {
  const names = ['artifacts', 'logins', 'participants', 'clients', 'logouts']
  const rows = await Promise.all(names.map((name) => database.all(`SELECT * FROM coatcheck_oauth_${name}`)))
  const texts = rows.flat().flatMap((row) => Object.values(row).filter((value) => typeof value === 'string'))
  const parts = texts.flatMap((text) => [text, ...(text.match(/[\w-]{16,}/g) ?? [])])
  return [...new Set(parts)].filter(
    (text) => text.length >= 16 && text.length < 200 && /^[\w.-]+$/.test(text),
  )
}

async function doorsOpenedBy(sso: Sso, shop: Application, text: string): Promise<string[]> {
  const authorization = (secret: string | null) =>
    `Basic ${Buffer.from(`${shop.id}:${secret}`).toString('base64')}`
  const post = (path: string, form: Record<string, string>, secret: string | null = shop.secret) =>
    fetch(`${sso.issuer}/oauth/${path}`, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers: { authorization: authorization(secret) },
    })
  const { name } = sso.authority.sessions.http.cookie
  const asked = new URLSearchParams({
    ...{ client_id: shop.id, request_uri: `urn:ietf:params:oauth:request_uri:${text}` },
  })
  const doors: Readonly<Record<string, () => Promise<boolean>>> = {
    refresh: async () => (await post('token', { grant_type: 'refresh_token', refresh_token: text })).ok,
    code: async () => {
      const form = { code: text, redirect_uri: CALLBACK, code_verifier: 'v'.repeat(43) }
      return (await post('token', { grant_type: 'authorization_code', ...form })).ok
    },
    introspection: async () => (await (await post('introspect', { token: text })).text()).includes('true'),
    secret: async () => (await post('introspect', { token: 'x' }, text)).status === 200,
    userinfo: async () =>
      (await fetch(`${sso.issuer}/oauth/userinfo`, { headers: { authorization: `Bearer ${text}` } })).ok,
    pushed: async () => {
      const answer = await fetch(`${sso.issuer}/oauth/authorize?${asked}`, { redirect: 'manual' })
      return answer.status === 303
    },
    cookie: async () => {
      const headers = { cookie: `${name}=${text}`, 'sec-fetch-site': 'none' }
      return (await fetch(`${sso.issuer}/account`, { headers, redirect: 'manual' })).status === 200
    },
  }
  const open = await Promise.all(
    Object.entries(doors).map(async ([door, opens]) => ((await opens()) ? [door] : [])),
  )
  return open.flat()
}
