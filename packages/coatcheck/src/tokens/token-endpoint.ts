import { isCoatcheckError } from '../core/errors.ts'
import type { RequestContext } from '../core/events.ts'
import type { Proof } from '../core/proof.ts'
import type { ProofVerifier } from '../core/proof-verifier.ts'
import { type RefreshRequest, type TokenError, type TokenResult, tokenResponse } from './tokens-answers.ts'
import { parseScope } from './tokens-scope.ts'

export interface TokenRequestOptions {
  /** Who asks, for events. Default: from the `User-Agent` header. */
  readonly context?: RequestContext
  /** The URL as the client sees it, for DPoP proofs behind a proxy. Default: that of the request. */
  readonly url?: string
}

interface Endpoint {
  readonly tokens: {
    refresh(token: string, request: RefreshRequest): Promise<TokenResult>
    logout(token: string, request: RefreshRequest): Promise<boolean>
  }
  readonly proofs: ProofVerifier | null
  /** Told of what no client is told. */
  readonly onError: (error: unknown) => void
}

type EndpointError =
  | TokenError
  | 'invalid_request'
  | 'unsupported_grant_type'
  | 'use_dpop_nonce'
  | 'server_error'

/** What the request says, or what is wrong with it. */
type Parsed = { readonly token: string; readonly request: RefreshRequest } | { readonly error: EndpointError }

type Parameters = ReadonlyMap<string, readonly string[]>

const MAX_BODY = 16_384

/** Headers of every answer: tokens and what is said about them are for this request alone (RFC 6749, section 5.1). */
const HEADERS = { 'cache-control': 'no-store', pragma: 'no-cache', 'content-type': 'application/json' }

/** Refresh: parameters, proof, new tokens, answer (RFC 6749, section 6). */
export function handleTokenRequest(
  endpoint: Endpoint,
  request: Request,
  options: TokenRequestOptions,
): Promise<Response> {
  return handle(endpoint, request, options, parseRefresh, async ({ token, request: asked }, headers) => {
    const result = await endpoint.tokens.refresh(token, asked)
    return result.ok ? answer(200, tokenResponse(result), headers) : refuse(result.error, headers)
  })
}

/** Logout: parameters, proof, end of the session, answer; a token that is none gets the same one (RFC 7009, section 2.2). */
export function handleLogoutRequest(
  endpoint: Endpoint,
  request: Request,
  options: TokenRequestOptions,
): Promise<Response> {
  return handle(endpoint, request, options, parseLogout, async ({ token, request: asked }, headers) => {
    await endpoint.tokens.logout(token, asked)
    return answer(200, {}, headers)
  })
}

/** Steps of both: method, body, parameters, proof, and what is then done. */
async function handle(
  endpoint: Endpoint,
  request: Request,
  options: TokenRequestOptions,
  parse: (parameters: Parameters) => Parsed,
  act: (parsed: Exclude<Parsed, { error: unknown }>, headers: Record<string, string>) => Promise<Response>,
): Promise<Response> {
  if (request.method !== 'POST') return answer(405, { error: 'invalid_request' }, { allow: 'POST' })
  try {
    const parameters = await readParameters(request)
    const parsed: Parsed = parameters ? parse(parameters) : { error: 'invalid_request' }
    if ('error' in parsed) return refuse(parsed.error)
    const checked = await checkProof(endpoint.proofs, request, options)
    const nonce: Record<string, string> = checked.nonce === null ? {} : { 'dpop-nonce': checked.nonce }
    if ('error' in checked) return refuse(checked.error, nonce)
    const context = options.context ?? contextOf(request)
    const { token } = parsed
    return await act({ token, request: { ...parsed.request, proof: checked.proof, context } }, nonce)
  } catch (error) {
    endpoint.onError(error)
    return refuse(
      isCoatcheckError(error) && error.status === 503 ? 'temporarily_unavailable' : 'server_error',
    )
  }
}

/** The parameters of the body by name; `null` where it is too long, of another type, or no such thing. */
async function readParameters(request: Request): Promise<Parameters | null> {
  const [type = ''] = (request.headers.get('content-type') ?? '').split(';')
  const text = await readText(request)
  if (text === null) return null
  switch (type.trim().toLowerCase()) {
    case 'application/x-www-form-urlencoded':
      return grouped([...new URLSearchParams(text)])
    case 'application/json':
      return fromJson(text)
    default:
      return null
  }
}

/** At most `MAX_BODY` bytes; `null` for more. */
async function readText(request: Request): Promise<string | null> {
  const decoder = new TextDecoder()
  let [text, length] = ['', 0]
  const reader = request.body?.getReader()
  for (;;) {
    const chunk = await reader?.read()
    if (!chunk || chunk.done) return text + decoder.decode()
    length += chunk.value.byteLength
    if (length > MAX_BODY) {
      await reader?.cancel()
      return null
    }
    text += decoder.decode(chunk.value, { stream: true })
  }
}

function fromJson(text: string): Parameters | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const pairs = Object.entries(value).flatMap(([name, given]) => [given].flat().map((one) => [name, one]))
  return pairs.every(([, one]) => typeof one === 'string') ? grouped(pairs as [string, string][]) : null
}

function grouped(pairs: readonly (readonly [string, string])[]): Parameters {
  const all = new Map<string, string[]>()
  for (const [name, value] of pairs) {
    // Without a value it counts as left out (RFC 6749, section 3.2).
    if (value === '') continue
    const values = all.get(name)
    if (values) values.push(value)
    else all.set(name, [value])
  }
  return all
}

function parseRefresh(parameters: Parameters): Parsed {
  const grantType = parameters.get('grant_type')?.[0]
  const token = parameters.get('refresh_token')?.[0]
  const clientId = parameters.get('client_id')?.[0]
  const text = parameters.get('scope')?.[0]
  if (isRepetitive(parameters) || grantType === undefined) return { error: 'invalid_request' }
  if (grantType !== 'refresh_token') return { error: 'unsupported_grant_type' }
  if (token === undefined) return { error: 'invalid_request' }
  const scope = text === undefined ? undefined : parseScope(text)
  if (scope === null) return { error: 'invalid_scope' }
  const audience = parameters.get('resource')
  return {
    token,
    request: {
      ...(clientId === undefined ? {} : { clientId }),
      ...(scope === undefined ? {} : { scope }),
      ...(audience === undefined ? {} : { audience }),
    },
  }
}

function parseLogout(parameters: Parameters): Parsed {
  const token = parameters.get('token')?.[0]
  return isRepetitive(parameters) || token === undefined
    ? { error: 'invalid_request' }
    : { token, request: {} }
}

/** Of all parameters, `resource` alone may come more than once (RFC 6749, section 3.2; RFC 8707, section 2). */
function isRepetitive(parameters: Parameters): boolean {
  return [...parameters].some(([name, values]) => name !== 'resource' && values.length > 1)
}

/** The key that the request was made with; none where nobody looks for proofs, or none came. */
async function checkProof(
  verifier: ProofVerifier | null,
  request: Request,
  { url = request.url }: TokenRequestOptions,
): Promise<
  { readonly nonce: string | null } & (
    | { readonly proof: Proof | null }
    | { readonly error: 'invalid_dpop_proof' | 'use_dpop_nonce' }
  )
> {
  const header = request.headers.get('dpop')
  if (verifier === null || header === null) return { proof: null, nonce: null }
  // Several fields come joined by commas, which no proof has in it.
  const proofs = header.split(',').map((one) => one.trim())
  const verdict = await verifier.check({ method: request.method, url, proofs }, null)
  const { nonce } = verdict
  return verdict.ok ? { proof: verdict.proof, nonce } : { error: verdict.error, nonce }
}

/** Text of a client, within length and without what moves a terminal or a reader's eye. */
function contextOf(request: Request): RequestContext {
  const given = request.headers.get('user-agent')?.slice(0, 256) ?? ''
  const userAgent = given.replace(/[\p{C}\u2028\u2029]+/gu, ' ').trim() || null
  return { userAgent, address: null, label: null, fingerprint: userAgent ?? 'unknown client' }
}

/** By RFC 6749, section 5.2. A failure of ours is no 400: the client must keep its token. */
const STATUS: Partial<Record<EndpointError, number>> = { temporarily_unavailable: 503, server_error: 500 }

function refuse(error: EndpointError, headers: Record<string, string> = {}): Response {
  return answer(STATUS[error] ?? 400, { error }, headers)
}

function answer(status: number, body: object, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { ...HEADERS, ...headers } })
}
