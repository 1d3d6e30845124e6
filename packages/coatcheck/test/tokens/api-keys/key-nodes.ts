import type { SessionStore } from '../../../src/core/store.ts'
import { memory } from '../../../src/stores/memory.ts'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import { FaultyStore } from '../../../src/testing/faulty-store.ts'
import { RecordedEvents } from '../../../src/testing/recorded-events.ts'
import type { ApiKeysOptions } from '../../../src/tokens/api-keys/api-key-options.ts'
import { type ApiKeys, createApiKeys } from '../../../src/tokens/api-keys/api-keys.ts'

/** The keys of one node, and what there is to see of it. */
export interface KeyNode {
  readonly apiKeys: ApiKeys
  readonly environment: FakeEnvironment
  readonly store: FaultyStore
  readonly events: RecordedEvents
  readonly errors: readonly unknown[]
}

export type KeyNodeOptions = Partial<Omit<ApiKeysOptions, 'environment' | 'store'>> & {
  readonly environment?: FakeEnvironment
  readonly store?: SessionStore
}

/** Keys over a memory store with a fake clock and no background sweep, unless the options say otherwise. */
export function createKeyNode(options: KeyNodeOptions = {}): KeyNode {
  const environment = options.environment ?? new FakeEnvironment()
  const store = new FaultyStore(options.store ?? memory())
  const errors: unknown[] = []
  const apiKeys = createApiKeys({
    prefix: 'shop',
    sweepInterval: false,
    onError: (error) => errors.push(error),
    ...options,
    environment,
    store,
  })
  const events = new RecordedEvents((listener) => apiKeys.on('*', listener))
  environment.settleWith(() => store.idle())
  return { apiKeys, environment, store, events, errors }
}
