import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

/** An application behind the proxy. */
export interface Page {
  /** Where its paths begin. */
  readonly path: string
  /** Where it listens. */
  readonly address: string
}

export interface Pages {
  readonly list: readonly Page[]
  readonly hasPython: boolean
  stop(): Promise<void>
}

const PYTHON_PATH = '/python/'

/** A static page and, where there is python3, one that a Python program makes. */
export async function startPages(): Promise<Pages> {
  const files = await startStatic()
  const python = await startPython()
  const { port } = files.address() as AddressInfo
  const list = [{ path: '/', address: `http://127.0.0.1:${port}` }]
  if (python) list.unshift({ path: PYTHON_PATH, address: python.address })
  return {
    list,
    hasPython: python !== null,
    async stop() {
      files.closeAllConnections()
      files.close()
      if (!python) return
      const gone = once(python.child, 'exit')
      python.child.kill('SIGTERM')
      await gone
    },
  }
}

/** The page that answers for a path: of all that fit, the first. */
export function findPage(pages: readonly Page[], url: string): Page {
  const found = pages.find(({ path }) => url.startsWith(path))
  if (!found) throw new Error('No page answers for this path.')
  return found
}

async function startStatic(): Promise<Server> {
  const page = readFileSync(new URL('site/index.html', import.meta.url))
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.setHeader('cache-control', 'private, no-store')
    if (request.url?.startsWith(PYTHON_PATH)) {
      response
        .writeHead(404)
        .end('<p>There is no <code>python3</code> on this machine to make this page.</p>\n')
    } else if (/^\/(?:\?|$)/.test(request.url ?? '')) response.end(page)
    else response.writeHead(404).end('<p>There is nothing here.</p>\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** `null`: this machine has no python3. The program prints its port once it listens. */
async function startPython(): Promise<{ readonly child: ChildProcess; readonly address: string } | null> {
  const program = fileURLToPath(new URL('page.py', import.meta.url))
  const child = spawn('python3', [program], { stdio: ['ignore', 'pipe', 'ignore'] })
  const port = await new Promise<string | null>((resolve) => {
    child.once('error', () => resolve(null))
    child.once('exit', () => resolve(null))
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()))
  })
  return port === null ? null : { child, address: `http://127.0.0.1:${port}` }
}
