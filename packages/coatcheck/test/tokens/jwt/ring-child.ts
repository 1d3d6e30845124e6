import { createKeyRing, signingKeyFile } from '../../../src/tokens/index.ts'

/** One of several processes that share a ring: rotates it when told to, and prints what came of it. */
const [path = ''] = process.argv.slice(2)
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
