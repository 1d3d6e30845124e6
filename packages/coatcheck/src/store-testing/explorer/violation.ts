/** A promise that did not hold in some order; `explore` adds which order that was. */
export class InterleavingViolation extends Error {
  override readonly name: string = 'InterleavingViolation'
}
