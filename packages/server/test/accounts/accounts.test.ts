import type { Authority } from '../../src/authority.ts'
import { temporaryDirectory, testAuthority } from '../helpers/test-server.ts'
import { accountCases, type OpenFleet } from './account-cases.ts'
import { administratorCases } from './administrator-cases.ts'
import { secondFactorCases } from './second-factor-cases.ts'

const openFleet: OpenFleet = async (processes, environment) => {
  const dataDirectory = temporaryDirectory()
  const fleet: Authority[] = []
  for (let n = 0; n < processes; n++) fleet.push(await testAuthority({ dataDirectory }, { environment }))
  return fleet
}

accountCases('SQLite', openFleet)
administratorCases('SQLite', openFleet)
secondFactorCases('SQLite', openFleet)
