/** What a step-up asks for (RFC 9470): the greatest age of the proof in milliseconds, and its level. */
export interface StepUp {
  readonly maxAge: number | null
  readonly level: string | null
}

/** The parameters of a challenge that says so. */
export function stepUpHints({ maxAge, level }: StepUp): readonly string[] {
  return [
    'error="insufficient_user_authentication"',
    ...(maxAge === null ? [] : [`max_age="${Math.floor(maxAge / 1_000)}"`]),
    // A level that does not fit into a quoted string is left out rather than escaped: clients compare it as it is.
    ...(level === null || !/^[!#-[\]-~]+(?: [!#-[\]-~]+)*$/.test(level) ? [] : [`acr_values="${level}"`]),
  ]
}
