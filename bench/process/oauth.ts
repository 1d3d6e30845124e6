import { Buffer } from 'node:buffer'
import { logIn } from '../fill.ts'
import type { OauthWork } from '../results.ts'
import type { Errand } from './authority.ts'
import { answerQuestions } from './child.ts'
import { openProvider } from './oauth-provider.ts'
import { CHALLENGE, CLIENT, type OauthSide, REDIRECT, VERIFIER } from './oauth-side.ts'
import { openServer } from './open-server.ts'

/** A process that is an OpenID provider: ours, or the protocol library that ours is built on, as it comes. */
export interface OauthCommands {
  start(side: 'ours' | 'peer'): Promise<void>
  /** Makes what so many requests of a kind need: a code or refresh token for each, or a few access tokens for all. */
  prepare(work: OauthWork, count: number): Promise<Errand>
  /** Microseconds of CPU that this process, all its threads, has used since it started. */
  cpu(): number
}

/** Users, each with one login session, that codes and tokens are of. */
const USERS = 100
/** Access tokens that are asked about in turn. */
const ACCESS_TOKENS = 100
const AT_ONCE = 16

let side: OauthSide | null = null

answerQuestions<OauthCommands>(
  {
    async start(which) {
      side = await (which === 'ours' ? openOurs() : openProvider())
    },
    prepare(work, count) {
      if (!side) throw new Error('Nothing has been started.')
      return PREPARE[work](side, count)
    },
    cpu() {
      const { user, system } = process.cpuUsage()
      return user + system
    },
  },
  async () => {
    await side?.close()
  },
)

const PREPARE: Readonly<Record<OauthWork, (side: OauthSide, count: number) => Promise<Errand>>> = {
  async code(one, count) {
    return posted(one, 'token', await makeMany(count, async (user) => codeForm(await one.code(user))))
  },
  async refresh(one, count) {
    const tokens = await makeMany(count, async (user) => (await redeem(one, user)).refresh_token)
    const forms = tokens.map((token) => ({ grant_type: 'refresh_token', refresh_token: token }))
    return posted(one, 'token', forms)
  },
  async 'client credentials'(one) {
    return posted(one, 'token', [{ grant_type: 'client_credentials' }])
  },
  async introspection(one) {
    const tokens = await makeMany(ACCESS_TOKENS, async (user) => (await redeem(one, user)).access_token)
    return posted(
      one,
      'introspect',
      tokens.map((token) => ({ token })),
    )
  },
  async userinfo(one) {
    const tokens = await makeMany(ACCESS_TOKENS, async (user) => (await redeem(one, user)).access_token)
    return {
      url: `${one.address}/oauth/userinfo`,
      requests: tokens.map((token) => ({ authorization: `Bearer ${token}` })),
    }
  },
}

async function openOurs(): Promise<OauthSide> {
  const { authority, address, close } = await openServer()
  const { accounts, oauth, sessions } = authority
  const added = await oauth.clients.add({
    ...{ id: CLIENT, name: 'The shop', kind: 'confidential', trusted: true, redirectUris: [REDIRECT] },
    resources: { 'https://api.example': ['read'] },
  })
  if (!added.ok) throw new Error(added.mistakes.join(' '))
  const cookies = await makeMany(USERS, async (user) => {
    const made = await accounts.create({
      ...{ name: `user-${user}@example.com`, password: null, claims: { name: 'Ann' } },
    })
    if (!made.ok) throw new Error(made.reason)
    return `${sessions.http.cookie.name}=${await logIn(sessions, { userId: made.account.id, data: {} })}`
  })
  const query = new URLSearchParams({
    ...{ client_id: CLIENT, response_type: 'code', redirect_uri: REDIRECT, scope: 'openid profile email' },
    ...{ code_challenge: CHALLENGE, code_challenge_method: 'S256' },
  })
  return {
    address,
    secret: added.secret ?? '',
    close,
    async code(user) {
      const cookie = cookies[user % USERS] ?? ''
      const headers = { cookie, 'sec-fetch-site': 'none' }
      const answer = await fetch(`${address}/oauth/authorize?${query}`, { headers, redirect: 'manual' })
      await answer.text()
      return new URL(answer.headers.get('location') ?? '').searchParams.get('code') ?? ''
    },
  }
}

async function redeem(one: OauthSide, user: number) {
  const answer = await fetch(`${one.address}/oauth/token`, {
    method: 'POST',
    headers: headersOf(one),
    body: new URLSearchParams(codeForm(await one.code(user))),
  })
  if (!answer.ok) throw new Error(`A code was answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as { readonly access_token: string; readonly refresh_token: string }
}

function codeForm(code: string): Record<string, string> {
  return { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: VERIFIER }
}

function posted(
  one: OauthSide,
  path: 'token' | 'introspect',
  forms: readonly Record<string, string>[],
): Errand {
  const bodies = forms.map((form) => new URLSearchParams(form).toString())
  return { url: `${one.address}/oauth/${path}`, requests: [headersOf(one)], send: { method: 'POST', bodies } }
}

function headersOf({ secret }: OauthSide): Record<string, string> {
  return {
    authorization: `Basic ${Buffer.from(`${CLIENT}:${secret}`).toString('base64')}`,
    'content-type': 'application/x-www-form-urlencoded',
  }
}

/** Several at once, so that waiting for the disk takes no time of its own. */
async function makeMany<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = []
  while (made.length < count) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - made.length) }, (_, index) =>
      make(made.length + index),
    )
    made.push(...(await Promise.all(batch)))
  }
  return made
}
