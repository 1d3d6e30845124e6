import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number }, Buffer>(scrypt)

/** OWASP Password Storage: scrypt with N=2^15, r=8, p=3. */
const COST = { N: 2 ** 15, r: 8, p: 3, maxmem: 2 ** 26 }

/** The two accounts that the demo prints; their passwords are public on purpose. */
const DEMO = [
  { name: 'alice', password: 'peg-and-ticket' },
  { name: 'bob', password: 'coat-on-counter' },
] as const

interface Account {
  readonly userId: string
  readonly name: string
  readonly salt: Buffer
  readonly hash: Buffer
}

export interface Accounts {
  readonly demo: typeof DEMO
  /** The account's user id where name and password belong together, else `null`; takes as long either way. */
  verify(name: unknown, password: unknown): Promise<string | null>
  /** The user id that a name belongs to, or `null`: for `beginLogin`, before the password is checked. */
  userIdOf(name: unknown): string | null
  nameOf(userId: string): string
}

/** Accounts in memory, made at each start. */
export async function createDemoAccounts(): Promise<Accounts> {
  const accounts = await Promise.all(
    DEMO.map(async ({ name, password }, index) => createAccount(`user-${index + 1}`, name, password)),
  )
  return new DemoAccounts(accounts)
}

class DemoAccounts implements Accounts {
  readonly demo: typeof DEMO = DEMO
  readonly #byName: ReadonlyMap<string, Account>
  readonly #byId: ReadonlyMap<string, Account>
  readonly #nobody: Account

  constructor(accounts: readonly Account[]) {
    this.#byName = new Map(accounts.map((account) => [account.name, account]))
    this.#byId = new Map(accounts.map((account) => [account.userId, account]))
    this.#nobody = { userId: '', name: '', salt: randomBytes(16), hash: randomBytes(32) }
  }

  async verify(name: unknown, password: unknown): Promise<string | null> {
    const account = this.#find(name) ?? this.#nobody
    const given = await hashPassword(typeof password === 'string' ? password.slice(0, 200) : '', account.salt)
    return timingSafeEqual(given, account.hash) && account !== this.#nobody ? account.userId : null
  }

  userIdOf(name: unknown): string | null {
    return this.#find(name)?.userId ?? null
  }

  nameOf(userId: string): string {
    return this.#byId.get(userId)?.name ?? userId
  }

  #find(name: unknown): Account | undefined {
    return typeof name === 'string' ? this.#byName.get(name.trim().toLowerCase()) : undefined
  }
}

async function createAccount(userId: string, name: string, password: string): Promise<Account> {
  const salt = randomBytes(16)
  return { userId, name, salt, hash: await hashPassword(password, salt) }
}

function hashPassword(password: string, salt: Buffer): Promise<Buffer> {
  return derive(password, salt, 32, COST)
}
