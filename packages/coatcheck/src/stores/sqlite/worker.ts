import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { DatabaseSettings } from './connections.ts'
import { toFailure, toFailureMessage } from './failures.ts'
import type { FromThread, ToThread } from './thread.ts'
import { WritingSide } from './writing-side.ts'

/** Most calls in one transaction, so that the first of them does not wait long for the last. */
const LARGEST_GROUP = 256

// The thread that owns the writing connection of one store, see `Thread`.
if (parentPort) serve(parentPort, workerData as DatabaseSettings)

function serve(port: MessagePort, settings: DatabaseSettings): void {
  const side = open(port, settings)
  if (!side) return
  port.on('message', (first: ToThread) => {
    const calls = [...first.calls]
    let { close } = first
    // What arrived while the last group was being written forms the next one.
    while (calls.length < LARGEST_GROUP && !close) {
      const next = receiveMessageOnPort(port) as { readonly message: ToThread } | undefined
      if (!next) break
      calls.push(...next.message.calls)
      close = next.message.close
    }
    for (let start = 0; start < calls.length; start += LARGEST_GROUP) {
      send(port, { kind: 'outcomes', outcomes: side.run(calls.slice(start, start + LARGEST_GROUP)) })
      side.afterGroup()
    }
    if (close) {
      side.close()
      port.close()
    }
  })
  send(port, { kind: 'opened' })
}

function open(port: MessagePort, settings: DatabaseSettings): WritingSide | null {
  try {
    return new WritingSide(settings)
  } catch (error) {
    send(port, { kind: 'failed', failure: toFailureMessage(toFailure(error, settings.path, true)) })
    return null
  }
}

function send(port: MessagePort, message: FromThread): void {
  port.postMessage(message)
}
