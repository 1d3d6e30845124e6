import type { Environment } from 'coatcheck'
import type { Context, Provider } from 'oidc-provider'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { AuditTrail } from '../audit/audit-trail.ts'
import { FloodGate } from '../audit/flood-gate.ts'
import type { Database } from '../storage/database.ts'

/** Endpoints whose refusals are counted, by the names of the protocol library. */
const ENDPOINTS: readonly string[] = [
  ...['authorization', 'pushed_authorization_request', 'grant', 'introspection', 'revocation'],
  ...['userinfo', 'end_session'],
]

/** What became of an attempt to tell an application of a logout. */
export type NoticeResult = 'sent' | 'failed' | 'given-up'

interface OauthError extends Error {
  readonly error?: string
  readonly error_detail?: string
}

/** What the authorization server does, for metrics and the audit trail. */
export class OauthRecord {
  readonly #audit: AuditTrail
  /** For what nobody has to be signed in for. */
  readonly #gate: FloodGate
  readonly #issued: Counter
  readonly #refused: Counter
  readonly #reused: Counter
  readonly #notices: Counter

  constructor(parts: {
    readonly audit: AuditTrail
    readonly database: Database
    readonly environment: Environment
    readonly registry: Registry
  }) {
    this.#audit = parts.audit
    this.#gate = new FloodGate(parts.environment, (entry) => parts.audit.record(entry))
    const counter = (name: string, help: string, ...labelNames: string[]) =>
      new Counter({ name: `coatcheck_oauth_${name}`, help, labelNames, registers: [parts.registry] })
    this.#issued = counter('issued_total', 'Answers of the token endpoint with tokens.', 'grant')
    this.#refused = counter(
      'refused_total',
      'Requests of applications that were refused.',
      'endpoint',
      'error',
    )
    this.#reused = counter('reused_total', 'Codes and refresh tokens that were used again.', 'of')
    this.#notices = counter('notices_total', 'Attempts to tell an application of a logout.', 'result')
    new Gauge({
      name: 'coatcheck_oauth_notices_waiting',
      help: 'Notices of logout that are still to be delivered, by all processes together.',
      registers: [parts.registry],
      async collect() {
        const sql = 'SELECT COUNT(*) AS count FROM coatcheck_oauth_logouts'
        const [row] = await parts.database.all<{ count: number }>(sql)
        this.set(Number(row?.count))
      },
    })
  }

  watch(provider: Provider): void {
    for (const endpoint of ENDPOINTS) {
      provider.on(`${endpoint}.error`, (_context: Context, { error = 'server_error' }: OauthError) =>
        this.#refused.inc({ endpoint, error }),
      )
    }
    provider.on('grant.success', (context: Context) => this.#tokensIssued(context))
    provider.on('grant.error', (context: Context, error: OauthError) => this.#tokensRefused(context, error))
  }

  notice(result: NoticeResult): void {
    this.#notices.inc({ result })
  }

  close(): void {
    this.#gate.close()
  }

  #tokensIssued({ oidc }: Context): void {
    const grant = oidc.params?.grant_type ?? ''
    this.#issued.inc({ grant })
    const { AuthorizationCode, RefreshToken } = oidc.entities
    const entry = {
      event: 'oauth.tokens-issued',
      actor: { kind: 'service', id: oidc.client?.clientId ?? null },
      userId: (RefreshToken ?? AuthorizationCode)?.accountId ?? null,
      details: { grant },
    } as const
    // Of users each is kept; services ask as often as they like.
    if (entry.userId === null) this.#gate.pass(entry)
    else this.#audit.record(entry)
  }

  #tokensRefused({ oidc }: Context, { error = 'server_error', error_detail: detail = '' }: OauthError): void {
    const { AuthorizationCode, RefreshToken } = oidc.entities
    const actor = { kind: 'service', id: oidc.client?.clientId ?? null } as const
    const userId = (RefreshToken ?? AuthorizationCode)?.accountId ?? null
    if (/already (?:used|consumed)/.test(detail)) {
      const of = RefreshToken ? 'refresh-token' : 'code'
      this.#reused.inc({ of })
      this.#audit.record({ event: `oauth.${of}-reused`, actor, userId })
    } else this.#gate.pass({ event: 'oauth.refused', actor, userId, details: { error } })
  }
}
