import type { SessionHandle, TokenClient, TokenSet, Tokens } from '../../src/tokens/index.ts'
import {
  type AccessTokenVerifier,
  createAccessTokenVerifier,
  createKeyRing,
  createTokens,
  ephemeralSigningKeys,
  type RefreshOptions,
  type RefreshRequest,
  type SigningKeyRing,
} from '../../src/tokens/index.ts'
import { contextOf, createNodes, login, type Node, type NodeOptions } from '../helpers/nodes.ts'

export const ISSUER = 'https://accounts.example'
export const ORDERS = 'https://orders.example'
export const STOCK = 'https://stock.example'
export const PHONE: TokenClient = {
  id: 'phone',
  audience: [ORDERS, STOCK],
  scope: 'orders:read orders:write',
}
/** Who refreshes, as a rule. */
export const PHONE_CONTEXT = contextOf('Phone app')

/** A node with tokens on top, and a verifier that reads the feed of changes. */
export interface TokenNode extends Node {
  readonly tokens: Tokens
  readonly verifier: AccessTokenVerifier
}

export interface TokenNodes {
  readonly here: TokenNode
  readonly there: TokenNode
  readonly ring: SigningKeyRing
}

/** Two nodes over one store, with the same keys and clock. */
export function tokenNodes(
  options: NodeOptions = {},
  refresh: RefreshOptions | (() => RefreshOptions) = {},
): TokenNodes {
  const own = () => (typeof refresh === 'function' ? refresh() : refresh)
  const [one, two] = createNodes(options)
  const ring = createKeyRing({ storage: ephemeralSigningKeys(), environment: one.environment })
  return { here: withTokens(one, ring, own()), there: withTokens(two, ring, own()), ring }
}

export function withTokens(node: Node, ring: SigningKeyRing, refresh: RefreshOptions = {}): TokenNode {
  const tokens = createTokens({ sessions: node, keys: ring, issuer: ISSUER, refresh })
  const { environment } = node
  const verifier = createAccessTokenVerifier({
    issuer: ISSUER,
    audience: ORDERS,
    jwks: ring,
    revocation: tokens.liveness,
    environment,
  })
  return { ...node, tokens, verifier }
}

/** A session that is remembered, as a native client's is, and its first tokens. */
export async function signedIn(
  node: TokenNode,
  userId = 'ada',
  request: Pick<RefreshRequest, 'proof'> = {},
): Promise<{ readonly session: SessionHandle & { readonly id: string }; readonly set: TokenSet }> {
  const { session } = await login(node, userId, { remember: true })
  const { id } = session.record
  const result = await node.tokens.issue({ id, userId }, PHONE, { ...request, context: PHONE_CONTEXT })
  if (!result.ok) throw new Error(`refused: ${result.error}`)
  return { session: { id, userId }, set: result }
}

/** The new tokens; throws where there are none. */
export async function refreshed(
  node: TokenNode,
  refreshToken: string,
  request: RefreshRequest = {},
): Promise<TokenSet> {
  const result = await node.tokens.refresh(refreshToken, { context: PHONE_CONTEXT, ...request })
  if (result.ok) return result
  throw new Error(`refused: ${result.error}`)
}

/** `ok`, or the error. */
export async function refreshVerdict(
  node: TokenNode,
  refreshToken: string,
  request: RefreshRequest = {},
): Promise<string> {
  const result = await node.tokens.refresh(refreshToken, { context: PHONE_CONTEXT, ...request })
  return result.ok ? 'ok' : result.error
}

/** `ok`, or why the node's verifier refuses the access token. */
export async function accessVerdict(node: TokenNode, accessToken: string): Promise<string> {
  const verified = await node.verifier.verify(accessToken)
  return verified.ok ? 'ok' : verified.reason
}

/** What the access token says. */
export function claimsOf(accessToken: string): Record<string, unknown> {
  const [, claims = ''] = accessToken.split('.')
  return JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
}

/** The events of refresh families on these nodes, from now on. */
export function familyEvents(...nodes: readonly TokenNode[]): { readonly name: string }[] {
  const events: { readonly name: string }[] = []
  for (const { tokens } of nodes) tokens.on('*', (event) => events.push(event))
  return events
}
