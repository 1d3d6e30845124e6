import type { Authority } from '../../src/authority.ts'
import { temporaryDirectory, testAuthority } from '../helpers/test-server.ts'
import { accountCases } from './account-cases.ts'

accountCases('SQLite', async (processes, environment) => {
  const dataDirectory = temporaryDirectory()
  const fleet: Authority[] = []
  for (let n = 0; n < processes; n++) fleet.push(await testAuthority({ dataDirectory }, { environment }))
  return fleet
})
