import type { SessionStore } from '../../src/core/store.ts'

/** One store whose calls go to each of `stores` in turn. */
export function inTurn(stores: readonly SessionStore[]): SessionStore {
  let calls = 0
  const [first] = stores
  if (!first) throw new Error('There must be a store.')
  return new Proxy(first, {
    get(_, name: keyof SessionStore) {
      const store = stores[calls++ % stores.length] ?? first
      const member = store[name]
      return typeof member === 'function' ? member.bind(store) : member
    },
  })
}
