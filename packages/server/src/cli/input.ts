import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { Surroundings } from './surroundings.ts'

/** The first line of standard input; a terminal is asked for it, and does not show it. */
export async function readSecretLine({ stdin, stderr }: Surroundings, prompt: string): Promise<string> {
  if (stdin.isTTY) stderr.write(prompt)
  const output = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: stdin, output, terminal: stdin.isTTY === true })
  try {
    for await (const line of lines) return line
    return ''
  } finally {
    lines.close()
    if (stdin.isTTY) stderr.write('\n')
  }
}
