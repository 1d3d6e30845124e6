import type { Environment } from '../../src/core/environment.ts'
import { systemEnvironment } from '../../src/core/platform.ts'
import type { SessionStore, StoreContext } from '../../src/core/store.ts'

/**
 * A store on a real server, which answers in its own time: while the clock of an order jumps, its connections have no more
 * patience than their servers need.
 */
export function withRealTimers(store: SessionStore): SessionStore {
  return new Proxy(store, {
    get(_, name: keyof SessionStore) {
      const member = store[name]
      if (name === 'open') return (context: StoreContext) => store.open(onRealTimers(context))
      return typeof member === 'function' ? member.bind(store) : member
    },
  })
}

function onRealTimers({ environment, tombstoneRetention }: StoreContext): StoreContext {
  const mixed: Environment = {
    now: () => environment.now(),
    randomBytes: (length) => environment.randomBytes(length),
    monotonic: () => systemEnvironment.monotonic(),
    setTimer: (milliseconds, run) => systemEnvironment.setTimer(milliseconds, run),
  }
  return { environment: mixed, tombstoneRetention }
}
