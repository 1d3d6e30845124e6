import { FakeEnvironment } from 'coatcheck/testing'
import { PageVisitor } from './page-visitor.ts'
import { startTestServer, type Written } from './test-server.ts'

export const PASSWORD = 'correct horse battery'

/** A server in a time of its own with an account `Ada`, and a browser at its public listener. */
export async function openPages(written: Written = {}) {
  const environment = new FakeEnvironment()
  const server = await startTestServer(written, { environment })
  const made = await server.authority.accounts.create({ name: 'Ada', password: PASSWORD })
  if (!made.ok) throw new Error(made.reason)
  return { ...server, environment, ada: made.account, visitor: new PageVisitor(server.publicAddress) }
}
