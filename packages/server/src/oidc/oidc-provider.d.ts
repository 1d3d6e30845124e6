/** The part of `oidc-provider` that we use; the package brings no types of its own. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  export type Payload = Record<string, unknown>

  /** Persistence of one model. The id is the opaque token itself. */
  export interface Adapter {
    upsert(id: string, payload: Payload, expiresIn?: number): Promise<void>
    find(id: string): Promise<Payload | undefined>
    findByUid(uid: string): Promise<Payload | undefined>
    findByUserCode(userCode: string): Promise<Payload | undefined>
    consume(id: string): Promise<void>
    destroy(id: string): Promise<void>
    revokeByGrantId(grantId: string): Promise<void>
  }

  export interface Cookies {
    get(name: string, options?: object): string | undefined
    set(name: string, value?: string | null, options?: object): unknown
    secure?: boolean
  }

  export interface Client {
    readonly clientId: string
    readonly clientName?: string
    readonly clientAuthMethod: string
    readonly applicationType?: string
    readonly redirectUris: readonly string[]
    readonly backchannelLogoutUri?: string
    /** Extra metadata of ours. */
    readonly coatcheck?: unknown
    grantTypeAllowed(type: string): boolean
    backchannelLogout(subject: string, sid: string): Promise<unknown>
  }

  export interface Grant {
    readonly jti: string
    readonly accountId: string
    readonly clientId: string
    openid?: { scope?: string; claims?: string[] }
    resources?: Record<string, string>
    rejected?: object
    addOIDCScope(scope: string): void
    addOIDCClaims(claims: readonly string[]): void
    rejectOIDCClaims(claims: readonly string[]): void
    addResourceScope(resource: string, scope: string): void
    save(): Promise<string>
  }

  export interface Interaction {
    readonly uid: string
    readonly iat: number
    readonly exp: number
    readonly params: Readonly<Record<string, string | undefined>>
    readonly prompt: {
      readonly name: string
      readonly reasons: readonly string[]
      readonly details: Readonly<Record<string, unknown>>
    }
    readonly returnTo: string
    session?: { accountId: string; uid?: string; cookie?: string }
    result?: object
    lastSubmission?: object
    save(ttl: number): Promise<string>
  }

  export interface ProviderSession {
    readonly uid: string
    readonly id: string
    readonly accountId?: string
    readonly loginTs?: number
    readonly acr?: string
    state?: { secret: string; clientId?: string; state?: string; postLogoutRedirectUri?: string }
    sidFor(clientId: string, value?: string): string | undefined
    grantIdFor(clientId: string, value?: string): string | undefined
    past(age: number | string): boolean
    destroy(): Promise<void>
  }

  export interface Token {
    readonly kind: string
    readonly jti?: string
    readonly clientId?: string
    readonly accountId?: string
    readonly aud?: string
    readonly iat?: number
    readonly iiat?: number
    readonly authTime?: number
    readonly acr?: string
    readonly grantId?: string
    readonly sid?: string
    readonly sessionUid?: string
    readonly scopes: ReadonlySet<string>
    readonly resourceServer?: { readonly accessTokenTTL?: number }
    readonly gty?: string
    readonly expiresWithSession?: boolean
    readonly extra?: { readonly auth_time?: number }
  }

  export interface OidcContext {
    readonly route: string
    readonly client?: Client
    readonly params?: Readonly<Record<string, string | undefined>>
    readonly session: ProviderSession
    readonly entities: {
      readonly [entity: string]: unknown
      readonly RotatedRefreshToken?: Token
      readonly AuthorizationCode?: Token
      readonly RefreshToken?: Token
      readonly IdTokenHint?: { readonly payload: Readonly<Record<string, unknown>> }
    }
    readonly account?: { readonly accountId: string }
    readonly result?: { readonly login?: object; readonly consent?: object }
    readonly prompts: ReadonlySet<string>
    readonly requestParamScopes: ReadonlySet<string>
    readonly requestParamOIDCScopes: ReadonlySet<string>
    readonly requestParamClaims: ReadonlySet<string>
    readonly resourceServers: Readonly<Record<string, { readonly scopes: ReadonlySet<string> }>>
    readonly acr?: string
  }

  export interface Context {
    readonly req: IncomingMessage
    readonly res: ServerResponse
    readonly path: string
    readonly method: string
    readonly oidc: OidcContext
    readonly state: Record<string, unknown>
    cookies: Cookies
    status: number
    body: unknown
    type: string
    set(name: string, value: string): void
    get(name: string): string
    remove(name: string): void
    redirect(url: string): void
  }

  interface Model<T> {
    readonly prototype: Record<string, unknown>
    new (properties: object): T
    find(id: string, options?: object): Promise<T | undefined>
  }

  export class Provider {
    constructor(issuer: string, configuration: object)
    readonly issuer: string
    /** Prototype of every request (Koa). */
    readonly request: object
    static readonly ctx: Context | undefined
    readonly Session: Model<ProviderSession>
    readonly Grant: Model<Grant>
    readonly Client: Model<Client>
    readonly Interaction: Model<Interaction>
    readonly RefreshToken: Model<Token>
    readonly IdToken: { validate: (jwt: string, client: Client) => Promise<object> }
    readonly ReplayDetection: { unique: (issuer: string, jti: string, expiresAt: number) => Promise<boolean> }
    createContext(request: IncomingMessage, response: ServerResponse): Context
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>
    use(middleware: (context: Context, next: () => Promise<void>) => Promise<void>): this
    on(event: string, listener: (...parameters: never[]) => void): this
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>
    interactionResult(request: IncomingMessage, response: ServerResponse, result: object): Promise<string>
    urlFor(name: string, options?: object): string
  }

  class OIDCProviderError extends Error {
    readonly statusCode: number
    readonly error: string
    readonly error_description?: string
  }

  export const errors: {
    readonly OIDCProviderError: typeof OIDCProviderError
    readonly InvalidGrant: new (detail: string) => OIDCProviderError
    readonly InvalidRequest: new (description: string) => OIDCProviderError
    readonly TemporarilyUnavailable: new (description: string) => OIDCProviderError
    readonly InvalidTarget: new (description?: string) => OIDCProviderError
    readonly InvalidRequestUri: new (description: string) => OIDCProviderError
    readonly SessionNotFound: new (description: string) => OIDCProviderError
    readonly UnmetAuthenticationRequirements: new (description?: string) => OIDCProviderError
  }

  interface Check {
    readonly reason: string
  }

  export const interactionPolicy: {
    base(): { get(name: string): { readonly checks: { add(check: Check): void } } }
    readonly Check: {
      new (
        reason: string,
        description: string,
        error: string,
        check: (context: Context) => boolean | Promise<boolean>,
      ): Check
      readonly REQUEST_PROMPT: true
      readonly NO_NEED_TO_PROMPT: false
    }
  }
}
