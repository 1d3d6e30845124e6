import { setTimeout as pause } from 'node:timers/promises'
import { FilledStore, type StoreName } from '../filled-store.ts'
import { measureDurableWrites } from '../questions/durable-writes.ts'
import { measureEndEveryone } from '../questions/end-everyone.ts'
import { measureEndUser } from '../questions/end-user.ts'
import { fillExpressSession, fillOurs, measureRoom } from '../questions/room.ts'
import { measureSweep } from '../questions/sweep.ts'
import { timed } from '../questions/timed.ts'
import type { DurableWrites, RoomCase, Timed } from '../results.ts'
import { answerQuestions } from './child.ts'

/** A process for one store, so that none measures the garbage of another. */
export interface LifecycleCommands {
  /** Fills a store; the later questions are about it. */
  room(store: StoreName | 'express-session', count: number): Promise<RoomCase>
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
    idle: (milliseconds) => timed(() => pause(milliseconds)),
    endUser: (settings) => measureEndUser(requireFilled(), settings),
    sweep: (settings) => measureSweep(requireFilled(), settings),
    endEveryone(store, settings) {
      filled = new FilledStore(store)
      return measureEndEveryone(filled, settings)
    },
    durableWrites(settings) {
      filled = new FilledStore('SQLite')
      return measureDurableWrites(filled, settings)
    },
  },
  async () => {
    await filled?.close()
  },
)
