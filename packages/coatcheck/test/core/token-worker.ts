import { parentPort, workerData } from 'node:worker_threads'
import { KeyRing } from '../../src/core/key-ring.ts'
import { systemEnvironment } from '../../src/core/platform.ts'
import { issueToken, newSecret, newSessionId } from '../../src/core/token.ts'

/** Issues tokens of one user beside other threads that do the same, and posts them in one text. */
const { master, count } = workerData as { master: Uint8Array; count: number }
const ring = new KeyRing([{ slot: 0, state: 'current', master }], { name: 'default' })
let tokens = ''
for (let i = 0; i < count; i++) {
  const id = newSessionId(systemEnvironment, 'user')
  tokens += issueToken(ring, ring.currentSlot, id, newSecret(systemEnvironment), 0)
}
parentPort?.postMessage(tokens)
