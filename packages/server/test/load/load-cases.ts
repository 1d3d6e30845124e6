import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { PageVisitor } from '../helpers/page-visitor.ts'
import { ServerProcess } from '../helpers/server-process.ts'
import { keepAliveLoad } from './keep-alive-load.ts'

const PASSWORD = 'nine quiet harpsichords'
/** What the process may take more at the end than after a third of the time, in bytes: what a heap does by itself. */
const LEEWAY = 60_000_000

export interface LoadSize {
  readonly connections: number
  readonly milliseconds: number
  /** Connections that send a byte now and then. */
  readonly slow: number
}

/** What many and bad clients may do to the server, in a process of its own. */
export function loadCases({ connections, milliseconds, slow }: LoadSize): void {
  it(`${connections} connections kept alive for ${milliseconds / 1_000} s see no error, and memory stays flat`, async () => {
    const { server, head } = await startServer()
    const taken: number[] = []
    const { answers, errors } = await keepAliveLoad({
      ...{ address: server.publicAddress, connections, milliseconds, head },
      async meanwhile(passed) {
        if (passed > 0.3 + taken.length * 0.2) taken.push(await server.memory())
      },
    })
    taken.push(await server.memory())
    console.log(
      `${answers} answers; memory in MB: ${taken.map((bytes) => Math.round(bytes / 1e6)).join(', ')}`,
    )
    expect(errors).toEqual([])
    expect(answers).toBeGreaterThan(connections)
    expect(Math.max(...taken) - (taken[0] ?? 0)).toBeLessThan(LEEWAY)
  })

  it(`${slow} clients that send a byte now and then are cut off, and hold up nobody`, async () => {
    const { server, head } = await startServer()
    const { hostname, port } = new URL(server.publicAddress)
    const start = performance.now()
    const closings = Array.from({ length: slow }, async () => {
      const socket = connect(Number(port), hostname)
      socket.on('error', () => {})
      socket.write('GET /login HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
      const drip = setInterval(() => socket.write('x'), 500)
      await once(socket.resume(), 'close')
      clearInterval(drip)
    })
    const { errors, answers } = await keepAliveLoad({
      ...{ address: server.publicAddress, connections: 5, milliseconds: 1_000, head },
    })
    expect([errors, answers > 5]).toEqual([[], true])
    await Promise.all(closings)
    expect(performance.now() - start).toBeLessThan(30_000)
  })
}

async function startServer(): Promise<{ server: ServerProcess; head: string }> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'coatcheck-server-'))
  const settings = { dataDirectory, publicUrl: 'http://accounts.localhost', trustProxy: '127.0.0.1' }
  const server = await ServerProcess.start(settings)
  onTestFinished(async () => {
    await server.kill()
    rmSync(dataDirectory, { recursive: true, force: true })
  })
  await server.createAccount('ada', PASSWORD)
  const visitor = new PageVisitor(server.publicAddress)
  await visitor.login('ada', PASSWORD)
  const head = [
    'GET /forward-auth HTTP/1.1',
    'Host: accounts.localhost',
    'X-Forwarded-For: 127.0.0.1',
    'X-Forwarded-Host: accounts.localhost',
    'X-Forwarded-Proto: http',
    'X-Forwarded-Method: GET',
    'X-Forwarded-Uri: /',
    `Cookie: ${visitor.jar.header}`,
  ].join('\r\n')
  return { server, head }
}
