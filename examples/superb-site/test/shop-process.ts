import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const SERVER = fileURLToPath(new URL('../server.ts', import.meta.url))

export interface ShopExit {
  readonly code: number | null
  readonly output: string
}

/** The shop as `npm start` runs it: a process of its own on a free port. */
export class ShopProcess {
  readonly origin: string
  readonly #child: ChildProcess
  readonly #exited: Promise<ShopExit>
  readonly #output: () => string

  constructor({ child, exited, output }: Spawned, origin: string) {
    this.#child = child
    this.#exited = exited
    this.#output = output
    this.origin = origin
  }

  /** What it has printed so far. */
  get output(): string {
    return this.#output()
  }

  /** As Ctrl-C does. */
  interrupt(): Promise<ShopExit> {
    this.#child.kill('SIGINT')
    return this.#exited
  }
}

/** Resolves when the shop says where it is. */
export async function startShop(
  dataDirectory: string,
  environment: Record<string, string> = {},
): Promise<ShopProcess> {
  const spawned = spawnShop({ PORT: '0', DATA_DIR: dataDirectory, ...environment })
  for await (const line of spawned.lines) {
    const origin = /http:\/\/localhost:\d+/.exec(line)?.[0]
    if (origin) return new ShopProcess(spawned, origin)
  }
  throw new Error(`The shop did not start: ${(await spawned.exited).output}`)
}

/** Runs the shop until it ends by itself, for starts that must fail. */
export function runShop(environment: Record<string, string>): Promise<ShopExit> {
  return spawnShop(environment).exited
}

/** A directory that goes away with `dispose`. */
export function temporaryDirectory(): { readonly path: string; dispose(): void } {
  const path = mkdtempSync(join(tmpdir(), 'superb-site-'))
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) }
}

interface Spawned {
  readonly child: ChildProcess
  readonly exited: Promise<ShopExit>
  readonly lines: AsyncIterable<string>
  readonly output: () => string
}

function spawnShop(environment: Record<string, string>): Spawned {
  const child = spawn(process.execPath, ['--conditions=coatcheck-source', SERVER], {
    env: { ...process.env, NODE_OPTIONS: '', SERVER_PORT: 'off', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
  }
  const exited = once(child, 'close').then(([code]) => ({ code: code as number | null, output }))
  return { child, exited, lines: createInterface({ input: child.stdout }), output: () => output }
}
