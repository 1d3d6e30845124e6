import { createHash } from 'node:crypto'

/** What the two OpenID providers that are measured differ in. */
export interface OauthSide {
  readonly address: string
  /** Of the one application. */
  readonly secret: string
  /** A code for a user, as a browser brings it to the application. */
  code(user: number): Promise<string>
  close(): Promise<void>
}

export const CLIENT = 'shop'
export const REDIRECT = 'https://shop.example/callback'
export const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
export const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')
