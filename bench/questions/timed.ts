import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import type { Timed } from '../results.ts'

/** Milliseconds between two looks at the event loop. */
const RESOLUTION = 1

/** Time for the monitor to begin, and to see a stall that has just ended. */
const MARGIN = 20

/** How long `work` takes, and the longest time within it in which nothing else got a turn. */
export async function timed(work: () => Promise<unknown>): Promise<Timed> {
  globalThis.gc?.()
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION })
  monitor.enable()
  await pause(MARGIN)
  monitor.reset()
  // After a reset the monitor measures from its next look on.
  await pause(MARGIN)
  const start = performance.now()
  await work()
  const took = performance.now() - start
  await pause(MARGIN)
  monitor.disable()
  return { took, stall: Math.max(0, monitor.max / 1e6 - RESOLUTION) }
}
