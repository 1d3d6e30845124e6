/** Longest password in characters; longer ones are refused before they cost anything. */
export const MAX_PASSWORD_LENGTH = 1_024

/** Why a password cannot be chosen. */
export type PasswordFault = 'too-short' | 'too-long' | 'common' | 'contains-name'

export interface PasswordRules {
  readonly minLength: number
  readonly isCommon: (password: string) => boolean
}

/** Length, a list of common passwords and the user's own name (NIST SP 800-63B, 3.1.1.2); no rules of composition. */
export function passwordFault(password: string, name: string, rules: PasswordRules): PasswordFault | null {
  const normalized = password.normalize('NFKC')
  const length = [...normalized].length
  if (length < rules.minLength) return 'too-short'
  if (length > MAX_PASSWORD_LENGTH) return 'too-long'
  const folded = normalized.toLowerCase()
  if (rules.isCommon(folded)) return 'common'
  return parts(name).some((part) => folded.includes(part)) ? 'contains-name' : null
}

/** A name and, of an address, what stands before the @; shorter ones are in too many passwords by chance. */
function parts(name: string): string[] {
  const folded = name.normalize('NFKC').toLowerCase()
  return [folded, folded.split('@')[0] ?? ''].filter((part) => part.length >= 3)
}
