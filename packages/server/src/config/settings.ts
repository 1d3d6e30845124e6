import type { UpstreamProvider } from '../upstream/providers.ts'

/** Everything that an operator can set, resolved; see `definitions.ts` for the names, defaults and meanings. Frozen. */
export interface Settings {
  readonly dataDirectory: string
  readonly store: string
  readonly database: string
  readonly keys: string | null
  readonly publicUrl: URL
  readonly host: string
  readonly port: number
  readonly adminHost: string
  /** `null`: no admin listener over TCP, only the socket in the data directory. */
  readonly adminPort: number | null
  /** Address that administrators use; `null`: the admin listener's own. */
  readonly adminUrl: URL | null
  readonly tlsCert: string | null
  readonly tlsKey: string | null
  /** Addresses and networks of proxies whose `X-Forwarded-*` headers count. */
  readonly trustProxy: readonly string[]
  readonly cookieName: string
  readonly cookieDomain: string | null
  /** Origins, besides the public one, that may be returned to after a login and that forward-auth answers for. */
  readonly hosts: readonly string[]
  /** Fields of a user's claims that forward-auth and access tokens carry. */
  readonly claims: readonly string[]
  readonly signUp: boolean
  readonly verifyUrl: string | null
  readonly resetUrl: string | null
  /** Signs what is sent to `verifyUrl` and `resetUrl`; `null`: not signed. */
  readonly hookSecret: string | null
  /** OpenID providers with whose accounts people may sign in. */
  readonly upstreams: readonly UpstreamProvider[]
  /** Client secrets by the ids of those. */
  readonly upstreamSecrets: Readonly<Record<string, string>>
  /** What a service key may ask of one process in a second; `null`: as much as it likes. */
  readonly serviceRate: number | null
  readonly minPasswordLength: number
  readonly idleTimeout: string
  readonly absoluteTimeout: string
  /** `null`: tokens are not rotated. */
  readonly rotateEvery: string | null
  readonly siteName: string
  readonly logo: string | null
  readonly themeCss: string | null
  readonly strings: string | null
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** What becomes of addresses and details in audit entries about users who are removed. */
  readonly auditOfRemoved: 'erase' | 'keep'
  /** Seconds that requests under way have after SIGTERM. */
  readonly shutdownTimeout: number
  readonly unsafeAllowHttp: boolean
  readonly unsafeAllowSettings: boolean
}

export type SettingName = keyof Settings

/** Where a value came from, strongest first. */
export type SettingSource = 'flag' | 'environment' | 'environment file' | 'file' | 'default'
