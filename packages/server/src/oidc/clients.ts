import type { Environment } from 'coatcheck'
import type { Client, Payload } from 'oidc-provider'
import { type Database, DatabaseError, first, type Row, type Transaction } from '../storage/database.ts'
import { randomText, sameText } from '../system.ts'
import type { ArtifactKeys } from './artifact-keys.ts'
import { type ClientKind, type ClientTerms, clientMistakes } from './client-rules.ts'

/** An application that lets its users sign in here, or a service that gets access tokens. */
export interface RegisteredClient extends ClientTerms {
  readonly id: string
  readonly name: string
  readonly kind: ClientKind
  readonly createdAt: number
  /** When its secrets were made and, after a rotation, until when the one before is good. */
  readonly secrets: readonly { readonly createdAt: number; readonly until: number | null }[]
}

export interface AddClient extends Partial<ClientTerms> {
  /** Default: made of the name. */
  readonly id?: string
  readonly name: string
  readonly kind: ClientKind
}

export type AddedClient =
  | {
      readonly ok: true
      readonly client: RegisteredClient
      /** Shown this once; `null` for clients without one. */
      readonly secret: string | null
    }
  | { readonly ok: false; readonly mistakes: readonly string[] }

/** What the protocol library carries along for us. */
export interface ClientExtras {
  readonly kind: ClientKind
  readonly trusted: boolean
  readonly resources: Readonly<Record<string, readonly string[]>>
  readonly serves: readonly string[]
  readonly backchannelLogoutUri: string | null
  readonly development: boolean
  readonly secrets: readonly SecretHash[]
}

interface SecretHash {
  readonly hash: string
  readonly createdAt: number
  readonly until: number | null
}

interface ClientRow extends Row {
  readonly id: string
  readonly name: string
  readonly kind: string
  readonly content: string
  readonly secrets: string
  readonly created_at: number
}

const SELECT = 'SELECT id, name, kind, content, secrets, created_at FROM coatcheck_oauth_clients'
const DEFAULTS: ClientTerms = {
  redirectUris: [],
  postLogoutRedirectUris: [],
  backchannelLogoutUri: null,
  refresh: true,
  scopes: ['openid', 'profile', 'email', 'offline_access'],
  resources: {},
  serves: [],
  trusted: false,
  jwks: null,
  requireDpop: false,
  requirePar: false,
  development: false,
}

/** The registered applications. Of secrets only hashes are kept. */
export class Clients {
  readonly #database: Database
  readonly #keys: ArtifactKeys
  readonly #environment: Environment
  readonly #algorithm: string

  constructor(
    database: Database,
    keys: ArtifactKeys,
    options: { readonly environment: Environment; readonly algorithm: string },
  ) {
    this.#database = database
    this.#keys = keys
    this.#environment = options.environment
    this.#algorithm = options.algorithm
  }

  async add(asked: AddClient): Promise<AddedClient> {
    const { name, kind, ...terms } = asked
    const id = asked.id ?? idOf(name, randomText(this.#environment, 6))
    const content: ClientTerms = { ...DEFAULTS, ...withoutUndefined(terms) }
    const mistakes = clientMistakes(id, name, kind, content)
    if (mistakes.length > 0) return { ok: false, mistakes }
    const secret = hasSecret(kind, content) ? this.#secret(id) : null
    const now = this.#environment.now()
    const secrets = secret ? [secret.kept] : []
    try {
      await this.#database.run(
        'INSERT INTO coatcheck_oauth_clients VALUES ($1, $2, $3, $4, $5, $6)',
        ...[id, name, kind, JSON.stringify(pickTerms(content)), JSON.stringify(secrets), now],
      )
    } catch (error) {
      if (!(error instanceof DatabaseError && error.conflict)) throw error
      return { ok: false, mistakes: [`There is a client ${id} already.`] }
    }
    const client = { ...pickTerms(content), id, name, kind, createdAt: now, secrets: secrets.map(toInfo) }
    return { ok: true, client, secret: secret?.text ?? null }
  }

  async find(id: string, database: Transaction = this.#database): Promise<RegisteredClient | null> {
    const row = await this.#row(id, database)
    return row && toClient(row)
  }

  async list(): Promise<readonly RegisteredClient[]> {
    return (await this.#database.all<ClientRow>(`${SELECT} ORDER BY id`)).map(toClient)
  }

  /** Whether an application that runs in pages of this origin is registered. */
  async isPageOrigin(origin: string): Promise<boolean> {
    const rows = await this.#database.all<ClientRow>(`${SELECT} WHERE kind = 'public'`)
    return rows.some((row) => hasOrigin(toClient(row).redirectUris, origin))
  }

  /** A new secret, shown this once; the one before is good for `overlap` milliseconds more. `null` where there is no client with a secret of that id. */
  async rotateSecret(id: string, overlap: number): Promise<string | null> {
    const row = await this.#row(id)
    if (!row || row.secrets === '[]') return null
    const made = this.#secret(id)
    const now = this.#environment.now()
    const [current] = JSON.parse(row.secrets) as SecretHash[]
    const kept = current && overlap > 0 ? [{ ...current, until: now + overlap }] : []
    const changed = await this.#database.run(
      'UPDATE coatcheck_oauth_clients SET secrets = $1 WHERE id = $2 AND secrets = $3',
      JSON.stringify([made.kept, ...kept]),
      id,
      row.secrets,
    )
    return changed === 1 ? made.text : this.rotateSecret(id, overlap)
  }

  /** `false` where there is none of that id. What was issued to it is the caller's to end. */
  async remove(id: string): Promise<boolean> {
    return (await this.#database.run('DELETE FROM coatcheck_oauth_clients WHERE id = $1', id)) === 1
  }

  /** Whether a secret is one of the client's. */
  isSecret(id: string, extras: ClientExtras, secret: string): boolean {
    const hash = this.#keys.hash('client-secret', `${id} ${secret}`)
    const now = this.#environment.now()
    const live = extras.secrets.filter(({ until }) => until === null || now < until)
    return live.map((one) => sameText(one.hash, hash)).includes(true)
  }

  /** As the protocol library wants it (RFC 7591), or `null`. */
  async metadata(id: string): Promise<Payload | null> {
    const row = await this.#row(id)
    if (!row) return null
    const terms = { ...DEFAULTS, ...(JSON.parse(row.content) as ClientTerms) }
    const kind = row.kind as ClientKind
    const secrets = JSON.parse(row.secrets) as readonly SecretHash[]
    const { trusted, resources, serves, backchannelLogoutUri, development } = terms
    const extras: ClientExtras = {
      ...{ kind, trusted, resources, serves, backchannelLogoutUri, development, secrets },
    }
    return {
      client_id: row.id,
      client_name: row.name,
      application_type: kind === 'native' ? 'native' : 'web',
      redirect_uris: terms.redirectUris,
      post_logout_redirect_uris: terms.postLogoutRedirectUris,
      response_types: kind === 'service' ? [] : ['code'],
      grant_types: grantTypes(kind, terms),
      scope: terms.scopes.join(' '),
      token_endpoint_auth_method: authenticationMethod(kind, terms),
      id_token_signed_response_alg: this.#algorithm,
      dpop_bound_access_tokens: terms.requireDpop,
      require_pushed_authorization_requests: terms.requirePar,
      // A hash, so that the library has something that is no secret to compare with; `isSecret` compares in its place.
      ...(secrets[0] && { client_secret: secrets[0].hash }),
      ...(terms.jwks && { jwks: terms.jwks }),
      coatcheck: extras,
    }
  }

  #row(id: string, database: Transaction = this.#database): Promise<ClientRow | null> {
    return first<ClientRow>(database, `${SELECT} WHERE id = $1`, id)
  }

  #secret(id: string): { readonly text: string; readonly kept: SecretHash } {
    const text = `coatcheck_secret_${randomText(this.#environment, 32)}`
    const hash = this.#keys.hash('client-secret', `${id} ${text}`)
    return { text, kept: { hash, createdAt: this.#environment.now(), until: null } }
  }
}

/** Whether a client runs in pages of this origin: those that its users come back to. */
export function isPageOf({ redirectUris, coatcheck }: Client, origin: string): boolean {
  return (coatcheck as ClientExtras).kind === 'public' && hasOrigin(redirectUris, origin)
}

function hasOrigin(uris: readonly string[], origin: string): boolean {
  return origin !== 'null' && uris.some((uri) => URL.parse(uri)?.origin === origin)
}

function hasSecret(kind: ClientKind, { jwks }: ClientTerms): boolean {
  return (kind === 'confidential' || kind === 'service') && jwks === null
}

function authenticationMethod(kind: ClientKind, { jwks }: ClientTerms): string {
  if (kind === 'public' || kind === 'native') return 'none'
  return jwks === null ? 'client_secret_basic' : 'private_key_jwt'
}

function grantTypes(kind: ClientKind, { refresh, resources }: ClientTerms): readonly string[] {
  if (kind === 'service') return ['client_credentials']
  const own = kind === 'confidential' && Object.keys(resources).length > 0
  return ['authorization_code', ...(refresh ? ['refresh_token'] : []), ...(own ? ['client_credentials'] : [])]
}

function pickTerms(terms: ClientTerms): ClientTerms {
  return Object.fromEntries(
    Object.keys(DEFAULTS).map((name) => [name, terms[name as keyof ClientTerms]]),
  ) as unknown as ClientTerms
}

function toClient(row: ClientRow): RegisteredClient {
  const terms = { ...DEFAULTS, ...(JSON.parse(row.content) as ClientTerms) }
  const secrets = (JSON.parse(row.secrets) as SecretHash[]).map(toInfo)
  return {
    ...terms,
    id: row.id,
    name: row.name,
    kind: row.kind as ClientKind,
    createdAt: row.created_at,
    secrets,
  }
}

function toInfo({ createdAt, until }: SecretHash) {
  return { createdAt, until }
}

function idOf(name: string, random: string): string {
  const letters = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '')
  const suffix = random.toLowerCase().replaceAll(/[^a-z0-9]/g, '0')
  return `${letters.slice(0, 40) || 'client'}-${suffix}`
}

function withoutUndefined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Partial<T>
}
