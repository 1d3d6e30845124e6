import type { Environment } from 'coatcheck'
import { type Adapter, type Context, errors, type Payload, Provider } from 'oidc-provider'
import type { ArtifactKeys } from './artifact-keys.ts'
import type { Artifact, Artifacts } from './artifacts.ts'
import type { BegunRequests } from './begun-requests.ts'
import type { Clients } from './clients.ts'
import type { LoginSession, LoginSessions } from './login-sessions.ts'

/** Milliseconds in which a refresh token that has been used gives the same successor again, unless that has been used. */
export const ROTATION_GRACE = 60_000

/** Seconds that an artefact without an end of its own is kept. */
const DEFAULT_LIFE = 3_600

export interface AdapterParts {
  readonly artifacts: Artifacts
  readonly keys: ArtifactKeys
  readonly clients: Clients
  readonly logins: LoginSessions
  readonly environment: Environment
  readonly begun: Pick<BegunRequests, 'admit'>
  /** The protocol library wants our session ended. */
  readonly endSession: (sessionId: string, context: Context | undefined) => Promise<void>
}

/** What each model of the protocol library is kept by. */
export function adapterFor(parts: AdapterParts): (model: string) => Adapter {
  return (model) => {
    if (model === 'Session') return new SessionAdapter(parts)
    if (model === 'Client') return new ClientAdapter(parts)
    if (model === 'Grant') return new GrantAdapter(model, parts)
    if (model === 'RefreshToken') return new RefreshTokenAdapter(model, parts)
    return new ArtifactAdapter(model, parts)
  }
}

/** Refuses every call; models keep to what they need. */
class NoAdapter implements Adapter {
  upsert(..._parameters: Parameters<Adapter['upsert']>): Promise<void> {
    return Promise.reject(new TypeError('This is not stored here.'))
  }
  async find(_id: string): Promise<Payload | undefined> {
    return undefined
  }
  async findByUid(_uid: string): Promise<Payload | undefined> {
    return undefined
  }
  async findByUserCode(_userCode: string): Promise<Payload | undefined> {
    return undefined
  }
  consume(_id: string): Promise<void> {
    return Promise.reject(new TypeError('This is not used once.'))
  }
  async destroy(_id: string): Promise<void> {}
  async revokeByGrantId(_grantId: string): Promise<void> {}
}

class ClientAdapter extends NoAdapter {
  readonly #clients: Clients

  constructor({ clients }: AdapterParts) {
    super()
    this.#clients = clients
  }

  override async find(id: string): Promise<Payload | undefined> {
    return (await this.#clients.metadata(id)) ?? undefined
  }
}

/** Models that are written once and changed by their use alone; others are written again and again. */
const REWRITTEN: ReadonlySet<string> = new Set([
  'Interaction',
  'DeviceCode',
  'BackchannelAuthenticationRequest',
])

class ArtifactAdapter extends NoAdapter {
  readonly model: string
  readonly parts: AdapterParts

  constructor(model: string, parts: AdapterParts) {
    super()
    this.model = model
    this.parts = parts
  }

  override async upsert(id: string, payload: Payload, seconds = DEFAULT_LIFE): Promise<void> {
    const { artifacts, begun } = this.parts
    begun.admit(this.model, payload, Provider.ctx)
    if (REWRITTEN.has(this.model)) await artifacts.put(this.model, id, payload, seconds)
    else await artifacts.insert(this.model, id, payload, seconds)
  }

  override async find(id: string): Promise<Payload | undefined> {
    const found = await this.parts.artifacts.find(this.model, id)
    return found ? withUse(found) : undefined
  }

  override async consume(id: string): Promise<void> {
    const { artifacts } = this.parts
    if (await artifacts.consume(this.model, id)) return
    // What the library does where it has read that a code is used; here that came about in between (OA-03).
    const grantId =
      this.model === 'AuthorizationCode' && (await artifacts.find(this.model, id))?.payload.grantId
    if (typeof grantId === 'string') await artifacts.removeGrant(grantId)
    throw usedBefore(this.model)
  }

  override async destroy(id: string): Promise<void> {
    const removed = await this.parts.artifacts.remove(this.model, id)
    // Of two requests that resume one interaction one goes on.
    if (!removed && this.model === 'Interaction')
      throw new errors.SessionNotFound('interaction session not found')
  }

  override async revokeByGrantId(grantId: string): Promise<void> {
    await this.parts.artifacts.removeIssued(this.model, grantId)
  }
}

/** A grant that has been ended meanwhile is not brought back by a request that has read it before. */
class GrantAdapter extends ArtifactAdapter {
  override async upsert(id: string, payload: Payload, seconds = DEFAULT_LIFE): Promise<void> {
    const { artifacts } = this.parts
    if (Provider.ctx?.state.newGrant === id) await artifacts.insert(this.model, id, payload, seconds)
    else await artifacts.change(this.model, id, payload, seconds)
  }
}

/**
 * Refresh tokens are given back for their successor at each use. The successor is derived from its predecessor, so that all who
 * use one token at once, or again because an answer was lost, get the same: one family. After `ROTATION_GRACE`, or once the
 * successor has been used, the old token is a sign of theft, and the protocol library ends the grant (RT-02, RT-06).
 */
class RefreshTokenAdapter extends ArtifactAdapter {
  override async find(id: string): Promise<Payload | undefined> {
    const found = await this.parts.artifacts.find(this.model, id)
    if (!found) return undefined
    return (await this.#isSettled(id, found)) ? withUse(found) : found.payload
  }

  override async consume(id: string): Promise<void> {
    const { artifacts } = this.parts
    const first = await artifacts.consume(this.model, id)
    const found = await artifacts.find(this.model, id)
    if (!found || (!first && (await this.#isSettled(id, found)))) throw usedBefore(this.model)
    const successor = this.#successor(id, found)
    if (successor === null) throw usedBefore(this.model)
    const { ctx } = Provider
    if (ctx) ctx.state.successor = successor
  }

  async #isSettled(id: string, found: Artifact): Promise<boolean> {
    if (found.consumedAt === null) return false
    const { artifacts, environment } = this.parts
    if (environment.now() - found.consumedAt >= ROTATION_GRACE) return true
    const successor = this.#successor(id, found)
    const next = successor && (await artifacts.find(this.model, successor))
    return next ? next.consumedAt !== null : false
  }

  #successor(id: string, { successorSlot }: Artifact): string | null {
    return successorSlot === null ? null : this.parts.keys.derive('refresh', successorSlot, id)
  }
}

/** The library's session is a view on ours: its id is our session's id, it lives as long, and it never has a cookie of its own. */
class SessionAdapter extends NoAdapter {
  readonly #parts: AdapterParts

  constructor(parts: AdapterParts) {
    super()
    this.#parts = parts
  }

  override async find(id: string): Promise<Payload | undefined> {
    const login = await this.#parts.logins.ofSession(id)
    return login ? this.#payload(login) : undefined
  }

  override async findByUid(uid: string): Promise<Payload | undefined> {
    const login = await this.#parts.logins.find(uid)
    return login ? this.#payload(login) : undefined
  }

  /** Who is signed in, and since when, is our session's to say; grants are claimed one by one. What is left is what two pages share. */
  override async upsert(_id: string, payload: Payload): Promise<void> {
    const { uid, state, authorizations, accountId } = payload
    const { logins } = this.#parts
    const login = await logins.find(String(uid))
    if (!login) {
      if (accountId === undefined) return
      throw new errors.SessionNotFound('the session has ended')
    }
    await logins.remember(login.uid, state)
    for (const [clientId, authorization] of Object.entries(Object(authorizations))) {
      if ((authorization as Payload).persistsLogout === true) await logins.allowOffline(login.uid, clientId)
    }
  }

  override async destroy(id: string): Promise<void> {
    await this.#parts.endSession(id, Provider.ctx)
  }

  async #payload(login: LoginSession): Promise<Payload> {
    const { logins } = this.#parts
    const authorizations: Record<string, Payload> = {}
    for (const { clientId, grantId, offline } of await logins.participants(login.uid)) {
      const sid = logins.sid(login.uid, clientId)
      authorizations[clientId] = { sid, grantId, ...(offline && { persistsLogout: true }) }
    }
    return {
      kind: 'Session',
      jti: login.sessionId,
      uid: login.uid,
      accountId: login.userId,
      loginTs: login.authenticatedAt,
      amr: [...login.methods],
      ...(login.level !== undefined && { acr: login.level }),
      exp: login.expiresAt,
      iat: login.authenticatedAt,
      authorizations,
      ...(login.state !== undefined && { state: login.state }),
    }
  }
}

function withUse({ payload, consumedAt }: Artifact): Payload {
  return consumedAt === null ? payload : { ...payload, consumed: Math.floor(consumedAt / 1_000) }
}

function usedBefore(model: string): Error {
  if (model === 'PushedAuthorizationRequest') {
    return new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used')
  }
  return new errors.InvalidGrant('already used')
}
