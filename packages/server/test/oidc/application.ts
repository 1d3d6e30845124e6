import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { decodeJwt } from 'jose'
import * as openid from 'openid-client'
import { onTestFinished } from 'vitest'
import type { Authority } from '../../src/authority.ts'
import type { AddClient } from '../../src/oidc/clients.ts'

interface Held {
  readonly name: string
  readonly idToken: string
  readonly sid: string
}

interface Begun {
  readonly verifier: string
  readonly state: string
}

interface Visit {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  readonly cookie: string
  go(location: string, cookie?: string): void
}

/** A web application that keeps its tokens on its server, on a host of its own. */
export async function startApplication(
  authority: Authority,
  address: string,
  { id, ...asked }: Pick<AddClient, 'trusted'> & { readonly id: string },
) {
  const issuer = authority.settings.publicUrl.origin
  const sessions = new Map<string, Held>()
  const begun = new Map<string, Begun>()
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.writeHead(500).end(String(error)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const origin = `http://${id}.localhost:${port}`
  const added = await authority.oauth.clients.add({
    ...{ id, name: `The ${id}`, kind: 'confidential', development: true, ...asked },
    redirectUris: [`${origin}/callback`],
    postLogoutRedirectUris: [`${origin}/`],
    backchannelLogoutUri: `http://127.0.0.1:${port}/back-channel`,
  })
  if (!added.ok) throw new Error(added.mistakes.join(' '))
  const fetchThere: openid.CustomFetch = (url, init) =>
    fetch(url.replace(issuer, address), init as RequestInit)
  const config = await openid.discovery(
    new URL(issuer),
    id,
    undefined,
    openid.ClientSecretBasic(added.secret ?? ''),
    {
      execute: [openid.allowInsecureRequests],
      [openid.customFetch]: fetchThere,
    },
  )

  const paths: Readonly<Record<string, (visit: Visit) => Promise<void>>> = {
    async '/login'({ go, url }) {
      const verifier = openid.randomPKCECodeVerifier()
      const state = openid.randomState()
      const fresh = randomBytes(16).toString('base64url')
      begun.set(fresh, { verifier, state })
      const asked = { ...(await parameters(verifier, state)), ...Object.fromEntries(url.searchParams) }
      go(openid.buildAuthorizationUrl(config, asked).href, fresh)
    },
    async '/callback'({ url, cookie, go, response }) {
      const started = begun.get(cookie)
      begun.delete(cookie)
      if (!started) return void response.writeHead(400).end('not begun here')
      const error = url.searchParams.get('error')
      if (error !== null) return void response.writeHead(403).end(`Refused: ${error}`)
      const checks = { pkceCodeVerifier: started.verifier, expectedState: started.state }
      const tokens = await openid.authorizationCodeGrant(config, url, checks)
      const claims = tokens.claims()
      const sub = claims?.sub ?? ''
      const info = await openid.fetchUserInfo(config, tokens.access_token, sub)
      const fresh = randomBytes(16).toString('base64url')
      sessions.set(fresh, {
        name: String(info.name),
        idToken: tokens.id_token ?? '',
        sid: String(claims?.sid),
      })
      go('/', fresh)
    },
    async '/logout'({ cookie, go }) {
      const hint = sessions.get(cookie)?.idToken ?? ''
      sessions.delete(cookie)
      const asked = { id_token_hint: hint, post_logout_redirect_uri: `${origin}/` }
      go(openid.buildEndSessionUrl(config, asked).href)
    },
    async '/back-channel'({ request, response }) {
      const { sid } = decodeJwt(new URLSearchParams(await text(request)).get('logout_token') ?? '')
      for (const [key, held] of sessions) if (held.sid === sid) sessions.delete(key)
      response.end()
    },
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', origin)
    const cookie = /app=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''
    const go = (location: string, fresh = '') => {
      const headers = fresh && { 'set-cookie': `app=${fresh}; HttpOnly; SameSite=Lax; Path=/` }
      response.writeHead(303, { location, ...headers }).end()
    }
    const act = paths[url.pathname]
    if (act) return act({ request, response, url, cookie, go })
    const held = sessions.get(cookie)
    const body = held
      ? `<p>Hello ${held.name}</p><form method="post" action="/logout"><button>Sign out of ${id}</button></form>`
      : `<p>Nobody</p><a href="/login">Sign in to ${id}</a>`
    response.writeHead(200, { 'content-type': 'text/html' }).end(`<!doctype html><title>${id}</title>${body}`)
  }

  async function parameters(verifier: string, state: string) {
    return {
      redirect_uri: `${origin}/callback`,
      scope: 'openid profile',
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
    }
  }

  return { origin, sessions }
}
