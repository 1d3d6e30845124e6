import { connect } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sendRaw } from '../helpers/client.ts'
import { hostileHeaders } from '../helpers/hostile-headers.ts'
import { start } from '../helpers/sub-requests.ts'

const PROXY = [
  'X-Forwarded-For: 203.0.113.7',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: app.example.com',
  'X-Forwarded-Method: GET',
  'X-Forwarded-Uri: /',
].join('\r\n')

/** All that nginx does not make a 500 of. */
const FINE = [204, 401, 403]

async function started() {
  const server = await start()
  const [name = '', token = ''] = server.cookie.split('=')
  const port = Number(new URL(server.publicAddress).port)
  const ask = (lines: string) =>
    sendRaw(port, `GET /forward-auth HTTP/1.1\r\nHost: localhost\r\n${PROXY}\r\n${lines}\r\n\r\n`)
  return { ...server, name, token, port, ask }
}

describe('sub-requests with what hostile clients sent', () => {
  it('are answered 204, 401 or 403', async () => {
    const { name, token, ask } = await started()
    const wrong: unknown[] = []
    const foreign = [
      'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.',
      'coatcheck_0123456789abcdef_0123456789',
      token.toUpperCase(),
    ]
    for (const lines of hostileHeaders(name, token, foreign)) {
      // No proxy passes these on.
      if (lines.startsWith('Expect: 200-ok')) continue
      const status = await ask(lines)
      if (!FINE.includes(status)) wrong.push([status, lines.slice(0, 80)])
    }
    expect(wrong).toEqual([])
    expect(await ask(`Cookie: ${name}=${token}`)).toBe(204)
  })

  it('are, whatever is made up', async () => {
    const { name, token, ask } = await started()
    const byte = fc.integer({ min: 0, max: 255 }).filter((code) => code !== 10 && code !== 13)
    const noise = fc.array(byte, { maxLength: 60 }).map((codes) => String.fromCharCode(...codes))
    const piece = fc.oneof(noise, fc.constantFrom(name, token, '=', ';', '; ', '"', ',', `${name}=${token}`))
    const value = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
    const header = fc.constantFrom(
      'Cookie',
      'Authorization',
      'Origin',
      'Referer',
      'Sec-Fetch-Site',
      'User-Agent',
      'X-Api-Key',
      'DPoP',
    )
    const lines = fc.array(fc.tuple(header, value), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(lines, async (all) => {
        expect(FINE).toContain(await ask(all.map(([field, text]) => `${field}: ${text}`).join('\r\n')))
      }),
      { numRuns: 400 },
    )
  })

  it('are, where they cannot be read and come in pieces', async () => {
    const { port, name } = await started()
    const pieces = [
      `GET /forward-auth HTTP/1.1\r\nHost: localhost\r\n${PROXY}\r\nCookie: ${name}=a`,
      '\u0001b',
      '\r\n\r\n',
    ]
    expect(await sendPieces(port, pieces)).toBe(403)
    const head = `GET /forward-auth HTTP/1.1\r\nHost: localhost\r\n${PROXY}\r\n`
    const many = Array.from({ length: 12 }, (_, i) => `Cookie: c${i}=${'x'.repeat(7_000)}\r\n`)
    expect(await sendPieces(port, [head, ...many, '\r\n'])).toBe(403)
  })

  it('differ from other requests, which are bad ones', async () => {
    const { port } = await started()
    expect(await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nCookie: \u0001\r\n\r\n')).toBe(400)
  })

  it('send no body that anybody waits for', async () => {
    const { port, name, token } = await started()
    const head = `POST /forward-auth HTTP/1.1\r\nHost: localhost\r\n${PROXY}\r\nCookie: ${name}=${token}\r\n`
    expect(await sendRaw(port, `${head}Content-Length: 60000\r\n\r\nonly this`)).toBe(204)
    expect(await sendRaw(port, `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello`)).toBe(204)
  })
})

/** The same as `sendRaw`, each piece in a packet of its own. */
function sendPieces(port: number, pieces: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => write(0))
    const write = (index: number) => {
      const piece = pieces[index]
      if (piece === undefined || socket.destroyed) return
      socket.write(Buffer.from(piece, 'latin1'), () => setTimeout(() => write(index + 1), 5))
    }
    socket.on('data', (chunk: Buffer) => {
      answer += chunk
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0)))
  })
}
