import { describe } from 'vitest'
import { setUpPostgres } from './postgres-fixture.ts'
import { testSteppedClocks } from './stepped-clock.ts'

const shared = setUpPostgres()

describe('over PostgreSQL', () => {
  testSteppedClocks(async () => ({
    store: () => shared.fixture.store(),
    setClock: (now) => shared.fixture.setClock(now),
  }))
})
