import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/** Stands for your table of users; these two are made at each start. */
const ACCOUNTS = await Promise.all([
  createAccount('user-1', 'ada', 'analytical-engine'),
  createAccount('user-2', 'grace', 'first-compiler'),
])

/** The id of the user whose name and password these are, else `null`. Takes as long for names that nobody has. */
export async function checkPassword(name: string, password: string): Promise<string | null> {
  const account = ACCOUNTS.find((one) => one.name === name)
  const { salt, hash } = account ?? { salt: Buffer.alloc(16), hash: Buffer.alloc(32) }
  const given = await hashPassword(password, salt)
  return timingSafeEqual(given, hash) ? (account?.userId ?? null) : null
}

/** The name of a user, `null` for a visitor who is not signed in. */
export function nameOf(userId: string | null): string | null {
  return ACCOUNTS.find((one) => one.userId === userId)?.name ?? null
}

async function createAccount(userId: string, name: string, password: string) {
  const salt = randomBytes(16)
  return { userId, name, salt, hash: await hashPassword(password, salt) }
}

/** As slow as OWASP asks for: N = 2^15, r = 8, p = 3. */
function hashPassword(password: string, salt: Buffer): Promise<Buffer> {
  const derive = promisify<string, Buffer, number, object, Buffer>(scrypt)
  return derive(password.slice(0, 200), salt, 32, { N: 2 ** 15, r: 8, p: 3, maxmem: 2 ** 26 })
}
