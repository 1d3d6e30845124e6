/** A limit that was aimed at, and what was measured. */
export interface JudgedTarget {
  readonly target: string
  readonly limit: string
  readonly figure: string
  readonly met: boolean
}
