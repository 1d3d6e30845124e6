import fs from 'node:fs'
import { createKeyRing, signingKeyFile } from '../../../src/tokens/index.ts'

/** One of several processes that share a ring: rotates it when told to, and prints what came of it. */
const [path = '', stopped] = process.argv.slice(2)
if (stopped) stopBeforeRename()
const ring = createKeyRing({
  storage: signingKeyFile(path),
  cacheFor: '1s',
  refreshEvery: 1,
  longestTokenLife: '1s',
})
process.stdin.on('data', async () => {
  process.stdout.write(`${JSON.stringify(await ring.rotate())}\n`)
})
process.stdin.on('end', () => process.exit())
process.stderr.write('ready')

/** Stops itself at the last moment before it replaces the file, once, as a process does whose machine is put to sleep. */
function stopBeforeRename(): void {
  const real = fs.renameSync
  fs.renameSync = (from, to) => {
    fs.renameSync = real
    process.kill(process.pid, 'SIGSTOP')
    real(from, to)
  }
}
