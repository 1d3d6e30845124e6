import type { Transport } from '../core/record.ts'

/** What the response has to tell the client about its token. */
export type TokenChange =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'set'
      readonly token: string
      readonly transport: Transport
      /** Whether the handler has it and gives it to the client itself: the bearer token of a login. */
      readonly handedOver: boolean
    }
  | { readonly kind: 'clear' }

export const NONE: TokenChange = Object.freeze({ kind: 'none' })
export const CLEAR: TokenChange = Object.freeze({ kind: 'clear' })
