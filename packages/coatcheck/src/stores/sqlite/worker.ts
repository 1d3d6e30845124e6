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
  port.on('message', (message: ToThread) => {
    let next: ToThread | null = message
    for (let more = true; next || more; next = receive(port)) {
      if (next) {
        const { calls, close } = collect(port, next)
        runInGroups(port, side, calls)
        if (close) {
          side.close()
          port.close()
          return
        }
      }
      more = side.afterGroup()
    }
  })
  send(port, { kind: 'opened' })
}

/** The message with what arrived while the last group was being written. */
function collect(port: MessagePort, first: ToThread): ToThread {
  const calls = [...first.calls]
  let { close } = first
  while (calls.length < LARGEST_GROUP && !close) {
    const next = receive(port)
    if (!next) break
    calls.push(...next.calls)
    close = next.close
  }
  return { calls, close }
}

function runInGroups(port: MessagePort, side: WritingSide, calls: readonly string[]): void {
  for (let start = 0; start < calls.length; start += LARGEST_GROUP) {
    if (start > 0) side.afterGroup()
    send(port, { kind: 'outcomes', outcomes: side.run(calls.slice(start, start + LARGEST_GROUP)) })
  }
}

function receive(port: MessagePort): ToThread | null {
  const received = receiveMessageOnPort(port) as { readonly message: ToThread } | undefined
  return received?.message ?? null
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
