/** Levels of authentication (NIST SP 800-63B), the lowest first. Here a password alone is `aal1`, with a second step it is `aal2`. */
export const LEVELS: readonly string[] = ['aal1', 'aal2', 'aal3']

/** Whether a level is one of those that were asked for, or a higher one. */
export function isReached(asked: readonly string[], level: string | null | undefined): boolean {
  const reached = LEVELS.indexOf(level ?? '')
  return asked.some((one) => one === level || (LEVELS.includes(one) && LEVELS.indexOf(one) <= reached))
}
