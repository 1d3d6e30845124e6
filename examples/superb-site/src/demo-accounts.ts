import type { Accounts } from './accounts.ts'

/** Their passwords are public on purpose. */
const DEMO = [
  { name: 'alice', password: 'peg-and-ticket' },
  { name: 'bob', password: 'coat-on-counter' },
] as const

export interface DemoAccount {
  readonly name: string
  readonly password: string
  /** Whether it has another password by now. */
  readonly changed: boolean
}

/** Makes the demo accounts at the first start and leaves them as they are at all others. */
export function openDemoAccounts(accounts: Accounts): Promise<readonly DemoAccount[]> {
  return Promise.all(
    DEMO.map(async ({ name, password }) => {
      if (accounts.idOf(name) === null) await accounts.create(name, password)
      return { name, password, changed: !(await accounts.verify(accounts.idOf(name), password)) }
    }),
  )
}
