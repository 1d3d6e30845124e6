import type { Environment } from 'coatcheck'
import { onTestFinished, vi } from 'vitest'
import { systemEnvironment } from '../../src/system.ts'

/** A clock that is set ahead for us and for the protocol library, which reads the machine's. */
export function settableEnvironment(): {
  readonly environment: Environment
  advance(milliseconds: number): void
} {
  vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true })
  onTestFinished(() => {
    vi.useRealTimers()
  })
  let ahead = 0
  return {
    environment: { ...systemEnvironment, monotonic: () => systemEnvironment.monotonic() + ahead },
    advance(milliseconds) {
      ahead += milliseconds
      vi.setSystemTime(Date.now() + milliseconds)
    },
  }
}
