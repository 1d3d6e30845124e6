import type { IncomingMessage, ServerResponse } from 'node:http'
import { isCoatcheckError, type JsonFields, type Session, securityHeaders } from 'coatcheck'
import { withSession } from 'coatcheck/node'
import { html, raw } from 'hono/html'
import type { Context, Provider, Token } from 'oidc-provider'
import { trustedProxies } from '../http/trusted-proxies.ts'
import { noteSession } from '../operations/request-notes.ts'
import { ArtifactKeys } from './artifact-keys.ts'
import { Artifacts } from './artifacts.ts'
import { BackChannel } from './back-channel.ts'
import { BegunRequests } from './begun-requests.ts'
import { Clients } from './clients.ts'
import { type Consent, Consents } from './consents.ts'
import { withoutOtherOrigins } from './cross-origin.ts'
import { OidcPages, type RenderedPage } from './html.ts'
import { INTERACTION_PATH, interact } from './interactions.ts'
import { type IntrospectionParts, introspectSigned } from './introspection.ts'
import { LoginSessions } from './login-sessions.ts'
import { afterLogout, isOwnHint, postedLogout } from './logout.ts'
import { OauthRecord } from './oauth-record.ts'
import type { OidcParts, Subject } from './parts.ts'
import { createProvider } from './provider.ts'
import { SecretGuesses } from './secret-guesses.ts'

const METADATA: readonly string[] = [
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
]
/** Paths whose answer depends on who is signed in. */
const WITH_SESSION = /^\/oauth\/(?:authorize|interaction|logout)(?:[/?]|$)/
/** Milliseconds between two looks for what has ended unnoticed. */
const SWEEP_INTERVAL = 60_000
const PAGE = 200

/** An application at which a user is known. */
export interface Connection {
  readonly clientId: string
  readonly name: string
  /** Run by the same owner, so that the user was not asked. */
  readonly trusted: boolean
  readonly consent: Consent | null
  /** When it was given a code or token last; `null`: it has none. */
  readonly usedAt: number | null
}

/** OAuth 2.0 and OpenID Connect on our sessions: one login for several applications. */
export class AuthorizationServer {
  readonly clients: Clients
  readonly consents: Consents
  readonly #parts: OidcParts
  readonly #keys: ArtifactKeys
  readonly #artifacts: Artifacts
  readonly #logins: LoginSessions
  readonly #backChannel: BackChannel
  readonly #pages: OidcPages
  readonly #guesses: SecretGuesses
  readonly #begun: BegunRequests
  readonly #record: OauthRecord
  readonly #headers: ReadonlyMap<string, string>
  readonly #visits = new WeakMap<IncomingMessage, Session<JsonFields>>()
  readonly #unsubscribe: readonly (() => void)[]
  #provider: {
    readonly kids: string
    readonly provider: Provider
    readonly handle: ReturnType<Provider['callback']>
  } | null = null
  #cancelSweep: () => void = () => {}
  #ending: Promise<unknown> = Promise.resolve()

  private constructor(parts: OidcParts, keys: ArtifactKeys, algorithm: string) {
    const { database, environment, sessions, settings, log, signingKeys } = parts
    this.#parts = parts
    this.#keys = keys
    this.#record = new OauthRecord(parts)
    this.#artifacts = new Artifacts(database, keys, environment)
    this.#logins = new LoginSessions(database, sessions, keys, environment)
    this.clients = new Clients(database, keys, { environment, algorithm })
    this.consents = new Consents(database, environment)
    const issuer = settings.publicUrl.origin
    this.#backChannel = new BackChannel({
      database,
      environment,
      log,
      clients: this.clients,
      signingKeys,
      issuer,
      told: (result) => this.#record.notice(result),
    })
    const secure = settings.publicUrl.protocol === 'https:'
    this.#pages = new OidcPages(settings, environment)
    this.#guesses = new SecretGuesses(environment, trustedProxies(settings))
    this.#begun = new BegunRequests(environment, trustedProxies(settings))
    this.#headers = new Map(Object.entries(securityHeaders(secure ? {} : { hsts: false })))
    this.#unsubscribe = this.#subscribe()
    this.#planSweep()
  }

  static async open(parts: OidcParts): Promise<AuthorizationServer> {
    const keys = new ArtifactKeys(await parts.keys.load(), parts.environment)
    const [current] = await parts.signingKeys.list()
    const server = new AuthorizationServer(parts, keys, current?.algorithm ?? 'ES256')
    void server.#backChannel.run()
    return server
  }

  /** Answers the paths of OAuth and OpenID Connect; `false` for any other. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const url = request.url ?? ''
    const [path = ''] = url.split('?')
    if (!path.startsWith('/oauth/') && !METADATA.includes(path)) return false
    for (const [name, value] of this.#headers) response.setHeader(name, value)
    if (!METADATA.includes(path)) response.setHeader('cache-control', 'no-store')
    this.#answer(request, response, path).catch((error) => this.#fail(response, error))
    return true
  }

  /** Takes everything from an application that a user has let it have; `false` where that was nothing. */
  async withdraw(userId: string, clientId: string): Promise<boolean> {
    const withdrawn = await this.consents.remove(userId, clientId)
    const removed = await this.#artifacts.removeOfUser(userId, clientId)
    if (!withdrawn && removed === 0) return false
    const actor = { kind: 'user', id: userId } as const
    this.#parts.audit.record({
      event: 'oauth.consent-withdrawn',
      actor,
      userId,
      details: { client: clientId },
    })
    return true
  }

  /** Applications that a user has allowed something, or that have something of theirs (RT-08). */
  async connections(userId: string): Promise<readonly Connection[]> {
    const [clients, consents, holders] = await Promise.all([
      this.clients.list(),
      this.consents.list(userId),
      this.#artifacts.holders(userId),
    ])
    return clients.flatMap(({ id, name, trusted }) => {
      const consent = consents.find(({ clientId }) => clientId === id) ?? null
      const usedAt = holders.get(id) ?? null
      return consent === null && usedAt === null ? [] : [{ clientId: id, name, trusted, consent, usedAt }]
    })
  }

  /** Ends everything that applications have of a user, whatever becomes of the sessions. */
  async endUser(userId: string): Promise<void> {
    await this.#artifacts.removeOfUser(userId)
  }

  /** The same for a user who is no more, with what they have allowed. */
  async forgetUser(userId: string): Promise<void> {
    await this.endUser(userId)
    await this.consents.removeOfUser(userId)
  }

  /** With everything that was issued to it. */
  async removeClient(id: string): Promise<boolean> {
    const removed = await this.clients.remove(id)
    await this.#artifacts.removeOfClient(id)
    await this.consents.removeOfClient(id)
    return removed
  }

  /** Looks for sessions that have ended without this process being told, and removes what is past its end. */
  async sweep(): Promise<void> {
    let after = ''
    for (;;) {
      const page = await this.#logins.page(after, PAGE)
      for (const sessionId of page) await this.#settle(sessionId)
      if (page.length < PAGE) break
      after = page.at(-1) ?? ''
    }
    await this.#artifacts.sweep()
    await this.#backChannel.run()
  }

  /** Waits until what has ended so far is dealt with. */
  async settled(): Promise<void> {
    await this.#ending
    await this.#backChannel.run()
  }

  async close(): Promise<void> {
    for (const off of this.#unsubscribe) off()
    this.#cancelSweep()
    await this.#ending
    await this.#backChannel.close()
    this.#record.close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    if (path === '/oauth/logout' && request.method === 'POST') return postedLogout(request, response)
    if (path === '/oauth/jwks' && request.method === 'GET') return this.#jwks(response)
    const { provider, handle } = await this.#current()
    if (!WITH_SESSION.test(path)) return handle(request, response)
    const trustProxy = trustedProxies(this.#parts.settings)
    const onError = (error: unknown) => this.#parts.log.error({ err: error }, 'authorization server')
    const answered = async (session: Session<JsonFields>) => {
      this.#visits.set(request, session)
      noteSession(response, session.id)
      if (!path.startsWith(INTERACTION_PATH)) return handle(request, response)
      const parts = {
        clients: this.clients,
        consents: this.consents,
        subject: (id: string) => this.#subject(id),
        pages: this.#pages,
        begunAt: async (id: string) => (await this.#artifacts.find('Interaction', id))?.createdAt ?? Infinity,
      }
      return interact(parts, { provider, session, request, response })
    }
    await withSession(this.#parts.sessions, request, response, answered, { trustProxy, onError })
  }

  /** All keys that verify, those that the protocol library does not know (any more) too. */
  async #jwks(response: ServerResponse): Promise<void> {
    const body = JSON.stringify(await this.#parts.signingKeys.jwks())
    response
      .writeHead(200, {
        'content-type': 'application/jwk-set+json; charset=utf-8',
        'access-control-allow-origin': '*',
        'cache-control': `public, max-age=${Math.floor(this.#parts.signingKeys.cacheFor / 1_000)}`,
      })
      .end(body)
  }

  /** The protocol library takes its keys when it is made: it is made again when others sign. */
  async #current() {
    const kids = (await this.#parts.signingKeys.list()).map(({ kid, state }) => `${kid} ${state}`).join()
    if (this.#provider?.kids === kids) return this.#provider
    const jwks = await this.#parts.signingKeys.exportPrivateJwks()
    const provider = this.#make(jwks)
    const handle = provider.callback()
    this.#provider = { kids, provider, handle }
    return this.#provider
  }

  #make(jwks: readonly JsonFields[]): Provider {
    const { settings, environment, signingKeys } = this.#parts
    const algorithm = String(jwks[0]?.alg)
    const provider = createProvider({
      ...{ settings, environment, jwks, algorithm, keys: this.#keys, signingKeys },
      artifacts: this.#artifacts,
      begun: this.#begun,
      logins: this.#logins,
      clients: this.clients,
      consents: this.consents,
      sessionOf: (request) => this.#visits.get(request) ?? null,
      endSession: (sessionId, context) => this.#endSession(sessionId, context),
      subject: (id, token) => this.#subject(id, token),
      pages: {
        logout: (context, form) => this.#logout(context, form),
        loggedOut: async (context) => show(context, await this.#pages.loggedOut()),
        error: async (context, shown) => show(context, await this.#pages.error(shown)),
      },
    })
    provider.use((context, next) => this.#guesses.limit(context, next))
    provider.use(withoutOtherOrigins(this.clients))
    provider.use(nothingToAsk)
    provider.use(introspectSigned(this.#introspection()))
    this.#record.watch(provider)
    provider.on('server_error', (_context: Context, error: Error) =>
      this.#parts.log.error({ err: error }, 'authorization server'),
    )
    return provider
  }

  #introspection(): IntrospectionParts {
    const { environment, signingKeys, settings } = this.#parts
    return {
      ...{ environment, signingKeys, issuer: settings.publicUrl.origin },
      ...{ keys: this.#keys, artifacts: this.#artifacts, logins: this.#logins },
      isClient: async (id) => (await this.clients.find(id)) !== null,
      subject: (id, source) => this.#subject(id, source),
    }
  }

  async #subject(
    id: string,
    token?: Pick<Token, 'authTime' | 'extra' | 'expiresWithSession'>,
  ): Promise<Subject | null> {
    const subject = await this.#parts.findSubject(id)
    if (!subject || subject.disabled) return null
    // What lives without a session does not survive a change of password (RT-07).
    const authTime = token?.authTime ?? token?.extra?.auth_time
    const isOffline = token !== undefined && token.expiresWithSession !== true
    if (isOffline && authTime !== undefined && (authTime + 1) * 1_000 <= (subject.passwordChangedAt ?? 0))
      return null
    return subject
  }

  async #logout(context: Context, form: string): Promise<void> {
    if (!isOwnHint(context)) {
      show(context, await this.#pages.logout(html`${raw(form)}`))
      return
    }
    const target = afterLogout(context.oidc.session.state)
    await context.oidc.session.destroy()
    context.body = null
    context.status = 303
    context.redirect(target)
  }

  async #endSession(sessionId: string, context: Context | undefined): Promise<void> {
    const session = context && this.#visits.get(context.req)
    if (session?.id !== sessionId || !(await isLoggedOut(session))) {
      await this.#parts.sessions.revoke(sessionId, { reason: 'logout' })
    }
    await this.#settle(sessionId)
  }

  #subscribe(): readonly (() => void)[] {
    const { sessions } = this.#parts
    const later = (work: () => Promise<unknown>) => {
      this.#ending = Promise.allSettled([this.#ending, work().catch((error) => this.#report(error))])
    }
    return [
      sessions.on('ended', ({ sessionId }) => {
        if (sessionId !== null) later(() => this.#settle(sessionId))
      }),
      sessions.on('reauthenticated', ({ sessionId, replaces, userId }) => {
        if (sessionId && replaces && userId) later(() => this.#logins.follow(replaces, sessionId, userId))
      }),
      sessions.on('everyone-ended', () => later(() => this.#endEveryone())),
    ]
  }

  /** What goes on without sessions, too. */
  async #endEveryone(): Promise<void> {
    await this.#artifacts.removeAll()
    await this.sweep()
  }

  /** If the session is over: its grants end, but those that may go on without it, and its applications are told. */
  async #settle(sessionId: string): Promise<void> {
    const ended = await this.#logins.endIfOver(
      sessionId,
      async ({ uid, userId, participants }, transaction) => {
        for (const { clientId, grantId, offline } of participants) {
          if (!offline) await this.#artifacts.removeGrant(grantId, transaction)
          const sid = this.#logins.sid(uid, clientId)
          await this.#backChannel.enqueue(transaction, { clientId, userId, sid })
        }
      },
    )
    if (ended) void this.#backChannel.run()
  }

  #planSweep(): void {
    this.#cancelSweep = this.#parts.environment.setTimer(SWEEP_INTERVAL, () => {
      this.sweep()
        .catch((error) => this.#report(error))
        .finally(() => this.#planSweep())
    })
  }

  #report(error: unknown): void {
    this.#parts.log.error({ err: error }, 'authorization server')
  }

  #fail(response: ServerResponse, error: unknown): void {
    this.#report(error)
    if (response.headersSent) response.destroy()
    else response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":"server_error"}')
  }
}

/**
 * With its cookie, where the browser is on a page of ours. An application that sends it here with the session's own ID token may end the session as
 * well, and gets no cookie to change.
 */
async function isLoggedOut(session: Session<JsonFields>): Promise<boolean> {
  try {
    await session.logout()
    return true
  } catch (error) {
    if (isCoatcheckError(error) && error.code === 'ERR_CSRF') return false
    throw error
  }
}

/** Whoever is not signed in has nothing to be asked at a logout. */
async function nothingToAsk(context: Context, next: () => Promise<void>): Promise<void> {
  await next()
  const { route, session } = context.oidc ?? {}
  if (route !== 'end_session' || context.status !== 200 || session?.accountId !== undefined) return
  const target = afterLogout(session?.state)
  context.body = null
  context.status = 303
  context.redirect(target)
}

function show(context: Context, { body, headers }: RenderedPage): void {
  for (const [name, value] of Object.entries(headers)) context.set(name, value)
  context.body = body
}
