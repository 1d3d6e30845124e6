import { once } from 'node:events'
import { copyFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type TLSSocket } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { LOOK_AGAIN } from '../../src/http/certificate.ts'
import { systemEnvironment } from '../../src/system.ts'
import { certificate } from '../helpers/certificate.ts'
import { startTestServer } from '../helpers/test-server.ts'

/** Of the server that look again as often: at the certificate, and at what a process that died left to end. */
const PARTS = 2

describe('a renewed certificate', () => {
  it('is in use without a restart, on both listeners, and cuts nobody off', async () => {
    const { server, look, renew } = await open()
    const before = await greet(server.publicAddress)
    renew(certificate())
    await look()
    for (const address of [server.publicAddress, server.adminAddress ?? '']) {
      expect((await greet(address)).print).not.toBe(before.print)
    }
    before.socket.write('GET /forward-auth HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const [answer] = await once(before.socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1.1 403/)
    before.socket.destroy()
  })

  it('that cannot be used leaves the one before in use and is told of, once; the next good one is taken', async () => {
    const { files, server, look, renew, errors } = await open()
    const { print } = await greet(server.publicAddress)
    const next = certificate()
    const breaks: readonly (() => void)[] = [
      () => copyFileSync(next.tlsCert, files.tlsCert),
      () => writeFileSync(files.tlsCert, ''),
      () => writeFileSync(files.tlsKey, 'hunter2'),
      () => rmSync(files.tlsCert),
    ]
    for (const [number, spoil] of breaks.entries()) {
      spoil()
      await look()
      expect(errors()).toHaveLength(number)
      await look()
      await look()
      expect(errors()).toHaveLength(number + 1)
      expect((await greet(server.publicAddress)).print).toBe(print)
    }
    expect(errors().join()).not.toMatch(/hunter2|PRIVATE/)
    renew(next)
    await look()
    expect((await greet(server.publicAddress)).print).not.toBe(print)
  })
})

async function open() {
  const files = certificate()
  const looks: (() => void)[] = []
  const environment = {
    ...systemEnvironment,
    setTimer(delay: number, callback: () => void) {
      if (delay !== LOOK_AGAIN) return systemEnvironment.setTimer(delay, callback)
      looks.push(callback)
      return () => {}
    },
  }
  const lines: string[] = []
  const logTo = { write: (line: string) => void lines.push(line) }
  const server = await startTestServer({ ...files, logLevel: 'info' }, { environment, logTo })
  /** Once the look before has come to its end, and until this one has. */
  const look = async () => {
    await expect.poll(() => looks).toHaveLength(PARTS)
    for (const again of looks.splice(0)) again()
    await expect.poll(() => looks).toHaveLength(PARTS)
  }
  return {
    ...{ files, server, look },
    errors: () => lines.filter((line) => line.includes('cannot be used')),
    renew(by: ReturnType<typeof certificate>) {
      copyFileSync(by.tlsCert, files.tlsCert)
      copyFileSync(by.tlsKey, files.tlsKey)
    },
  }
}

async function greet(address: string): Promise<{ readonly print: string; readonly socket: TLSSocket }> {
  const { port } = new URL(address)
  const socket = connect({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  return { print: socket.getPeerCertificate().fingerprint256, socket }
}
