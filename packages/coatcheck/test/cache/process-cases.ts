import { setTimeout as passed } from 'node:timers/promises'
import { it } from 'vitest'
import type { SessionId } from '../../src/core/record.ts'
import type { SessionStore } from '../../src/core/store.ts'
import type { FaultProxy } from '../helpers/fault-proxy.ts'
import { endPersistently, type Reader } from './reader.ts'

/** A store that a test ends the session in, and a process that reads it through a proxy. */
export interface Served {
  readonly store: SessionStore
  readonly reader: Reader
  readonly proxy: FaultProxy
}

/** What holds over every server, in whatever way it tells of changes. */
export function itRemembersNoEndAway(id: SessionId, served: () => Promise<Served>): void {
  it('whose event loop stood still for 3 s with the end behind many echoes', async () => {
    const { store, reader } = await served()
    reader.pause()
    const endedAt = await endPersistently(store, id)
    await passed(3_000)
    reader.resume()
    await reader.until(({ found }) => found === 'ended')
    await reader.expectSilent(endedAt)
  })

  it('whose connections stay open and bring nothing any more', async () => {
    const { store, reader, proxy } = await served()
    proxy.lose('answers')
    const endedAt = await endPersistently(store, id)
    await reader.expectSilent(endedAt)
    proxy.heal()
    await reader.until(({ found }) => found === 'ended')
  })

  it('that reached the server no more, while everything from there still came', async () => {
    const { store, reader, proxy } = await served()
    proxy.lose('requests')
    const endedAt = await endPersistently(store, id)
    await reader.expectSilent(endedAt)
    proxy.heal()
    await reader.until(({ found }) => found === 'ended')
  })
}
