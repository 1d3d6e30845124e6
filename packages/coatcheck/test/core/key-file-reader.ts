import { keyFile } from '../../src/core/key-sources.ts'

/** Waits for the word, opens the key file that it was told, and prints the keys: one of several processes that start at once. */
const [path = ''] = process.argv.slice(2)
process.stdin.once('data', async () => {
  const keys = await keyFile(path).load()
  process.stdout.write(
    keys.map(({ slot, master }) => `${slot}:${Buffer.from(master).toString('hex')}`).join(),
  )
  process.stdin.destroy()
})
process.stderr.write('ready')
