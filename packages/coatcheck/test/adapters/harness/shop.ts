import { createSessions, type Sessions, type SessionsOptions } from '../../../src/index.ts'
import { memory } from '../../../src/stores/memory.ts'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import { FaultyStore } from '../../../src/testing/faulty-store.ts'

export interface ShopData {
  theme: string
  visits: number
}

export interface Shop {
  readonly sessions: Sessions<ShopData>
  readonly store: FaultyStore
  readonly environment: FakeEnvironment
}

/** Sessions over a memory store that can be told to fail, opened, so that reads are answered at once. */
export async function openShop(options: Omit<SessionsOptions, 'store' | 'data'> = {}): Promise<Shop> {
  const store = new FaultyStore(memory())
  const environment = new FakeEnvironment()
  const sessions = createSessions<ShopData>({ ...options, store, environment })
  await sessions.open()
  return { sessions, store, environment }
}
