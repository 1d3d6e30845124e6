import { setTimeout as pause } from 'node:timers/promises'
import { FilledStore } from '../filled-store.ts'
import { measureCacheRoom } from '../questions/cache-room.ts'
import { measureDurableWrites } from '../questions/durable-writes.ts'
import { measureEndEveryone } from '../questions/end-everyone.ts'
import { measureEndUser } from '../questions/end-user.ts'
import { measureOnTop } from '../questions/on-top.ts'
import { fillExpressSession, fillOurs, measureRoom } from '../questions/room.ts'
import { measureSweep } from '../questions/sweep.ts'
import { timed } from '../questions/timed.ts'
import type { CacheRoomCase, DurableWrites, OnTopCase, RoomCase, Timed } from '../results.ts'
import type { StoreName } from '../store-backing.ts'
import { answerQuestions } from './child.ts'

/** A process for one store, so that none measures the garbage of another. */
export interface LifecycleCommands {
  /** Fills a store; the later questions are about it. */
  room(store: StoreName | 'express-session', count: number): Promise<RoomCase>
  /** On a store of its own. */
  onTop(store: StoreName, count: number): Promise<OnTopCase>
  cacheRoom(holding: CacheRoomCase['holding'], count: number): Promise<CacheRoomCase>
  /** Does nothing for so long. */
  idle(milliseconds: number): Promise<Timed>
  endUser(settings: { readonly ofUser: number; readonly repetitions: number }): Promise<Timed[]>
  sweep(settings: { readonly expired: number; readonly repetitions: number }): Promise<Timed[]>
  /** On a store of its own. */
  endEveryone(
    store: StoreName,
    settings: { readonly count: number; readonly repetitions: number },
  ): Promise<Timed[]>
  durableWrites(settings: {
    readonly count: number
    readonly rounds: number
    readonly seconds: number
  }): Promise<DurableWrites>
}

let filled: FilledStore | null = null

function requireFilled(): FilledStore {
  if (filled) return filled
  throw new Error('No store has been filled.')
}

answerQuestions<LifecycleCommands>(
  {
    room(store, count) {
      return measureRoom(store, count, async () => {
        if (store === 'express-session') return fillExpressSession(count)
        filled = await fillOurs(store, count)
        return filled
      })
    },
    async onTop(store, count) {
      filled = await FilledStore.open(store)
      return measureOnTop(filled, count)
    },
    cacheRoom: measureCacheRoom,
    idle: (milliseconds) => timed(() => pause(milliseconds)),
    endUser: (settings) => measureEndUser(requireFilled(), settings),
    sweep: (settings) => measureSweep(requireFilled(), settings),
    async endEveryone(store, settings) {
      filled = await FilledStore.open(store)
      return measureEndEveryone(filled, settings)
    },
    async durableWrites(settings) {
      filled = await FilledStore.open('SQLite')
      return measureDurableWrites(filled, settings)
    },
  },
  async () => {
    await filled?.close()
  },
)
