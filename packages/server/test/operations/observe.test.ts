import { once } from 'node:events'
import { request as secureRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { certificate } from '../helpers/certificate.ts'
import { startTestServer } from '../helpers/test-server.ts'

const GIGABYTE = 1_000_000_000

describe('every request', () => {
  it('HDR-01 is answered with a year of HSTS over HTTPS, errors too', async () => {
    const { publicAddress, adminAddress } = await startTestServer(certificate())
    for (const address of [publicAddress, adminAddress ?? '']) {
      for (const path of ['/nowhere', '/forward-auth', '/%zz']) {
        expect(await secureHeader(`${address}${path}`, 'strict-transport-security')).toMatch(
          /^max-age=(?:3153|[4-9]\d{3}|\d{5})\d{4}; includeSubDomains/,
        )
      }
    }
  })

  it('HDR-01 is answered so also where it is no HTTP, or too long', async () => {
    const { publicAddress } = await startTestServer(certificate())
    const port = Number(new URL(publicAddress).port)
    const long = `GET / HTTP/1.1\r\nHost: x\r\nCookie: ${'x'.repeat(66_000)}\r\n\r\n`
    for (const text of ['nonsense\r\n\r\n', long]) {
      const socket = connectSecurely({ port, host: '127.0.0.1', rejectUnauthorized: false })
      socket.write(text)
      const [data] = await once(socket, 'data')
      expect(data.toString()).toMatch(/^HTTP\/1.1 4\d\d .*\r\nStrict-Transport-Security: max-age/)
      socket.destroy()
    }
  })

  it('HDR-01 is answered so where a proxy in front speaks HTTPS, and not over plain HTTP', async () => {
    const behind = await startTestServer({ publicUrl: 'https://accounts.example', trustProxy: '127.0.0.1' })
    const plain = await startTestServer()
    const header = async (address: string) =>
      (await fetch(`${address}/nowhere`)).headers.get('strict-transport-security')
    expect(await header(behind.publicAddress)).toContain('includeSubDomains')
    expect(await header(plain.publicAddress)).toBeNull()
  })

  it('is refused before a byte of a body of 1 GB is read', async () => {
    const { publicAddress } = await startTestServer()
    for (const path of ['/nowhere', '/forward-auth']) {
      const sent = await sendBody(publicAddress, path, { 'content-length': String(GIGABYTE) })
      expect(sent.answer).toMatch(/^HTTP\/1.1 413 .*connection: close.*"code":"too-large"/is)
      expect(sent.bytes).toBeLessThan(10_000_000)
    }
  })

  it('is not asked to go on with a body that is too long', async () => {
    const { publicAddress } = await startTestServer()
    const headers = { 'content-length': String(GIGABYTE), expect: '100-continue' }
    const { answer } = await sendBody(publicAddress, '/nowhere', headers)
    expect(answer).toMatch(/^HTTP\/1.1 413/)
  })

  it('has nothing behind a body that is cut off: what looks like a request there is part of it', async () => {
    const { publicAddress } = await startTestServer()
    const socket = connect(Number(new URL(publicAddress).port), '127.0.0.1')
    let answer = ''
    socket.on('data', (data) => {
      answer += String(data)
    })
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.write('POST /v1/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
    const block = 'x'.repeat(65_536)
    for (let sent = 0; sent < 4; sent++) socket.write(`10000\r\n${block}\r\n`)
    socket.write('0\r\n\r\nGET /login HTTP/1.1\r\nHost: x\r\n\r\n')
    await closed
    expect(answer.match(/^HTTP\/1\.1 \d+/gm) ?? []).not.toContain('HTTP/1.1 200')
    expect(answer).not.toContain('<form')
  })

  it('is cut off where a body of untold length goes on and on, read or not', async () => {
    const { publicAddress } = await startTestServer()
    for (const path of ['/nowhere', '/forward-auth', '/login', '/v1/sessions']) {
      const sent = await sendBody(publicAddress, path, { 'transfer-encoding': 'chunked' })
      expect([path, sent.bytes < 10_000_000]).toEqual([path, true])
    }
  })
})

async function secureHeader(url: string, name: string): Promise<string> {
  const request = secureRequest(url, { rejectUnauthorized: false, agent: false })
  request.end()
  const [response] = await once(request, 'response')
  response.resume()
  return String(response.headers[name])
}

/** Sends a gigabyte, as far as the server lets it; what came back, and how much went out. */
async function sendBody(address: string, path: string, headers: Record<string, string>) {
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname)
  let answer = ''
  socket.on('data', (data) => {
    answer += data.toString('latin1')
  })
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  const lines = Object.entries({ host: 'localhost', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  if (!('expect' in headers)) await pour(socket, 'transfer-encoding' in headers)
  await closed
  return { answer, bytes: socket.bytesWritten }
}

async function pour(socket: Socket, chunked: boolean): Promise<void> {
  const block = 'x'.repeat(65_536)
  const piece = chunked ? `10000\r\n${block}\r\n` : block
  for (let sent = 0; sent < GIGABYTE && !socket.destroyed; sent += block.length) {
    if (!socket.write(piece))
      await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {})
  }
}
