import { hash, parseOptions, verify } from '@node-rs/argon2'

/** OWASP Password Storage Cheat Sheet: argon2id (the package's default) with 19 MiB, two passes, one lane. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** A PHC string: algorithm, parameters, salt and hash in one. */
export function hashPassword(password: string): Promise<string> {
  return hash(normalise(password), COST)
}

export function verifyPassword(passwordHash: string, password: string): Promise<boolean> {
  return verify(passwordHash, normalise(password))
}

/** Whether a hash was made with less than today's cost, so that the next login should replace it. */
export function isWeak(passwordHash: string): boolean {
  if (!passwordHash.startsWith('$argon2id$')) return true
  const { memoryCost, timeCost } = parseOptions(passwordHash)
  return memoryCost < COST.memoryCost || timeCost < COST.timeCost
}

/** The same letters typed on different systems are the same password (NIST SP 800-63B-4, 3.1.1.2). */
function normalise(password: string): string {
  return password.normalize('NFC')
}
