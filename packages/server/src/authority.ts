import { createSessions, type Duration, type Environment, type JsonFields, type Sessions } from 'coatcheck'
import {
  type ApiKeys,
  createApiKeys,
  createKeyRing,
  createTokens,
  type SigningKeyRing,
  type Tokens,
} from 'coatcheck/tokens'
import type { DestinationStream, Logger } from 'pino'
import { ACCOUNT_MIGRATIONS } from './accounts/account.ts'
import { Accounts } from './accounts/accounts.ts'
import { PENDING_END_MIGRATIONS } from './accounts/pending-ends.ts'
import { SECOND_FACTOR_MIGRATIONS, type Seals } from './accounts/second-factors.ts'
import { SETUP_MIGRATIONS } from './admin/setup.ts'
import { IDEMPOTENCY_MIGRATIONS } from './api/idempotency-table.ts'
import { ServiceRate } from './api/service-rate.ts'
import { AUDIT_MIGRATIONS } from './audit/audit-table.ts'
import { AuditTrail } from './audit/audit-trail.ts'
import { auditSessionEvents } from './audit/session-events.ts'
import type { Settings } from './config/settings.ts'
import { ArtifactKeys } from './oidc/artifact-keys.ts'
import { AuthorizationServer } from './oidc/authorization-server.ts'
import { OIDC_MIGRATIONS } from './oidc/tables.ts'
import { createLog } from './operations/log.ts'
import { ServerMetrics } from './operations/server-metrics.ts'
import { openTracing, type Tracing } from './operations/tracing.ts'
import type { Database } from './storage/database.ts'
import { DOCUMENT_MIGRATIONS, signingKeyDocument } from './storage/documents.ts'
import { type Migration, migrate } from './storage/migrations.ts'
import { openStorage, type Storage } from './storage/open-storage.ts'
import { systemEnvironment } from './system.ts'
import { UPSTREAM_MIGRATIONS } from './upstream/tables.ts'
import { Upstream } from './upstream/upstream.ts'

/** How every API key of this server begins. */
export const API_KEY_PREFIX = 'coatcheck'

/** The parts that everything else is a function of: opened once per process, closed in the reverse order. */
export interface Authority {
  readonly settings: Settings
  readonly environment: Environment
  readonly log: Logger
  readonly database: Database
  /** Of visitors and users. */
  readonly sessions: Sessions<JsonFields>
  /** Of administrators: another store, another cookie, never accepted in place of a user's. */
  readonly adminSessions: Sessions<JsonFields>
  readonly apiKeys: ApiKeys
  readonly signingKeys: SigningKeyRing
  readonly tokens: Tokens
  readonly audit: AuditTrail
  readonly metrics: ServerMetrics
  readonly serviceRate: ServiceRate
  /** `null`: OpenTelemetry's API is not installed. */
  readonly tracing: Tracing | null
  /** Fires when the server is about to stop: whoever keeps a response open for long ends it. */
  readonly stopping: AbortSignal
  /** Fires `stopping`; the listeners call it, and so does `close`. */
  beginStop(): void
  readonly accounts: Accounts
  /** Sign-in with accounts at OpenID providers of others. */
  readonly upstream: Upstream
  /** For what accounts have to read again. */
  readonly seals: Seals
  /** OAuth 2.0 and OpenID Connect. */
  readonly oauth: AuthorizationServer
  close(): Promise<void>
}

export interface OpenOptions {
  readonly environment?: Environment
  /** Default: standard output. */
  readonly logTo?: DestinationStream
}

/** Opens stores, keys and database, and makes tables that are missing. Throws what any of them throws, with nothing left open. */
export async function openAuthority(
  settings: Settings,
  { environment = systemEnvironment, logTo }: OpenOptions = {},
): Promise<Authority> {
  const log = createLog(settings, logTo)
  const onError = (error: unknown) => log.error({ err: error }, 'background failure')
  const storage = await openStorage(settings, onError)
  try {
    return await openParts({ settings, environment, log, onError, storage })
  } catch (error) {
    await storage.close()
    throw error
  }
}

interface Basis {
  readonly settings: Settings
  readonly environment: Environment
  readonly log: Logger
  readonly onError: (error: unknown) => void
  readonly storage: Storage
}

/** Of the whole database. */
export const MIGRATIONS: readonly Migration[] = [
  ...ACCOUNT_MIGRATIONS,
  ...AUDIT_MIGRATIONS,
  ...DOCUMENT_MIGRATIONS,
  ...IDEMPOTENCY_MIGRATIONS,
  ...OIDC_MIGRATIONS,
  ...PENDING_END_MIGRATIONS,
  ...SECOND_FACTOR_MIGRATIONS,
  ...SETUP_MIGRATIONS,
  ...UPSTREAM_MIGRATIONS,
]

async function openParts(basis: Basis): Promise<Authority> {
  const { settings, environment, log, storage } = basis
  const { database, keys } = storage
  await migrate(database, MIGRATIONS)
  const { sessions, adminSessions, apiKeys } = kindsOfSessions(basis)
  const signingKeys = createKeyRing({ storage: signingKeyDocument(database), keys, environment })
  const tokens = createTokens({ sessions, keys: signingKeys, issuer: settings.publicUrl.origin })
  const audit = new AuditTrail(database, environment, log)
  const endAudit = auditSessionEvents({ audit, environment, log, sessions, adminSessions, apiKeys })
  const seals = new ArtifactKeys(await keys.load(), environment, 'coatcheck accounts')
  const accounts = new Accounts({ settings, log, database, sessions, adminSessions, apiKeys, audit, seals })
  const metrics = new ServerMetrics({
    audit,
    kinds: { sessions, 'admin-sessions': adminSessions, 'api-keys': apiKeys, refresh: tokens },
  })
  const tracing = openTracing()
  const opened = [sessions, adminSessions, apiKeys]
  const stopping = new AbortController()
  let oauth: AuthorizationServer | null = null
  const close = async () => {
    stopping.abort()
    await accounts.close()
    await oauth?.close()
    for (const part of opened.toReversed()) await part.close()
    endAudit()
    await audit.close()
    await storage.close()
  }
  try {
    for (const part of opened) await part.open()
    await accounts.start()
    await signingKeys.open()
    const parts = { settings, environment, log, database, keys, sessions, signingKeys, audit }
    oauth = await AuthorizationServer.open({
      ...parts,
      registry: metrics.registry,
      findSubject: (id) => accounts.find(id),
    })
  } catch (error) {
    await close()
    throw error
  }
  return {
    ...{ settings, environment, log, database, sessions, adminSessions, apiKeys, signingKeys, tokens, audit },
    ...{ metrics, tracing },
    serviceRate: new ServiceRate(settings, environment, log),
    stopping: stopping.signal,
    beginStop: () => stopping.abort(),
    accounts,
    upstream: new Upstream({ settings, environment, database, sessions, accounts }),
    seals,
    oauth,
    close,
  }
}

/** Kinds that are never accepted in each other's place. */
function kindsOfSessions({ settings, environment, onError, storage }: Basis) {
  const { keys } = storage
  const shared = { keys, environment, onError }
  const sessions = createSessions<JsonFields>({
    ...shared,
    store: storage.sessions,
    cookie: { name: settings.cookieName, ...(settings.cookieDomain && { domain: settings.cookieDomain }) },
    transports: ['cookie', 'bearer'],
    idleTimeout: settings.idleTimeout as Duration,
    absoluteTimeout: settings.absoluteTimeout as Duration,
    rotateEvery: (settings.rotateEvery as Duration | null) ?? false,
    unsafeAllowHttp: settings.unsafeAllowHttp,
  })
  const adminSessions = createSessions<JsonFields>({
    ...shared,
    name: 'admin',
    store: storage.adminSessions,
    cookie: { name: 'admin', sameSite: 'strict' },
    idleTimeout: '15m',
    absoluteTimeout: '8h',
  })
  const apiKeys = createApiKeys({
    store: storage.apiKeys,
    prefix: API_KEY_PREFIX,
    environment,
    onError,
    unsafeAllowHttp: settings.unsafeAllowHttp,
  })
  return { sessions, adminSessions, apiKeys }
}
