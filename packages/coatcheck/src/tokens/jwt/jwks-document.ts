import { sha256 } from '../../core/platform.ts'
import type { SigningKeyRing } from './signing-key-ring.ts'

/** What to answer at the URL of the JWKS. */
export interface JwksDocument {
  /** 304 where the client has this document already. */
  readonly status: 200 | 304
  /** `content-type`, `cache-control`, `etag`; names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** JSON; empty with 304. */
  readonly body: string
}

/**
 * The ring's public keys for `/.well-known/jwks.json` or wherever verifiers are told to look (RFC 7517, section 8.5), to be kept by caches
 * for the ring's `cacheFor`. `ifNoneMatch` is the request header of that name.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { createKeyRing, jwksDocument, signingKeyFile } from 'coatcheck/tokens'
 *
 * const ring = createKeyRing({ storage: signingKeyFile('./data/signing.keys') })
 * createServer(async (request, response) => {
 *   const { status, headers, body } = await jwksDocument(ring, request.headers['if-none-match'])
 *   response.writeHead(status, headers).end(body)
 * })
 * ```
 */
export async function jwksDocument(ring: SigningKeyRing, ifNoneMatch?: string | null): Promise<JwksDocument> {
  const body = JSON.stringify(await ring.jwks())
  const etag = `"${sha256(body)}"`
  const headers = {
    'content-type': 'application/jwk-set+json',
    'cache-control': `public, max-age=${Math.floor(ring.cacheFor / 1000)}, must-revalidate`,
    etag,
    'x-content-type-options': 'nosniff',
  }
  const known = ifNoneMatch?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
  return known ? { status: 304, headers, body: '' } : { status: 200, headers, body }
}
