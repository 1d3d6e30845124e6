/** NIST SP 800-63B-4, 3.1.1.2: fifteen where the password is the only factor; at least 64 must be possible. */
export const SHORTEST_PASSWORD = 15
export const LONGEST_PASSWORD = 128
const SHORTEST_NAME = 2
const LONGEST_NAME = 32

/** A name as accounts are found by: spelling and case make no second account. */
export function toAccountName(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase()
}

/** Why nobody can sign up by this name, or `null`. */
export function nameProblem(name: string): string | null {
  const length = [...name].length
  if (length === 0) return 'Enter a name.'
  if (length < SHORTEST_NAME || length > LONGEST_NAME) {
    return `A name has ${SHORTEST_NAME} to ${LONGEST_NAME} characters.`
  }
  return /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._-]*$/u.test(name)
    ? null
    : 'A name has letters, digits, dots, hyphens and underscores only, and starts with a letter or digit.'
}

/** Why this password cannot be chosen, or `null`. No rules of composition: they make passwords worse (NIST, ASVS 5 6.2.5). */
export function passwordProblem(password: string, name: string): string | null {
  const length = [...password].length
  if (length === 0) return 'Enter a password.'
  if (length < SHORTEST_PASSWORD) {
    return `The password has ${length} characters and needs at least ${SHORTEST_PASSWORD}. Three or four words do well.`
  }
  if (length > LONGEST_PASSWORD) return `The password may have at most ${LONGEST_PASSWORD} characters.`
  return isGuessable(password.toLowerCase(), name)
    ? 'This password is among the first that anybody would try. Take words that have nothing to do with each other or with this shop.'
    : null
}

function isGuessable(password: string, name: string): boolean {
  if (new Set(password).size < 5 || isRun(password)) return true
  let rest = password
  for (const word of [name, ...EXPECTED]) if (word.length > 2) rest = rest.replaceAll(word, '')
  return rest.length < SHORTEST_PASSWORD / 2
}

/** Whether each character follows the one before on a keyboard or in the alphabet: `abcdefghijklmnop`. */
function isRun(password: string): boolean {
  return RUNS.some(
    (run) => run.repeat(2).includes(password) || [...run].toReversed().join('').repeat(2).includes(password),
  )
}

const RUNS = ['abcdefghijklmnopqrstuvwxyz', '1234567890', '0123456789', 'qwertyuiopasdfghjklzxcvbnm']

/** What guesses are made of; a password that is little else is refused. */
const EXPECTED = [
  'superb site',
  'superb-site',
  'superbsite',
  'superb',
  'coatcheck',
  'cloakroom',
  'password',
  'passwort',
  'letmein',
  'welcome',
  'iloveyou',
  'admin',
  'login',
  'qwertyuiop',
  'qwerty',
  '1234567890',
  '123456789',
  '12345678',
  '123456',
  '12345',
  '1234',
  '123',
]
