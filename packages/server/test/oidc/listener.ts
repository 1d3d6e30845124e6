import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt } from 'jose'
import { expect, onTestFinished, vi } from 'vitest'

/** An application's endpoint for notices of logout. */
export async function startListener() {
  const got: { readonly path: string; readonly token: string; readonly sid: unknown }[] = []
  let failures = 0
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const token = new URLSearchParams(Buffer.concat(chunks).toString()).get('logout_token') ?? ''
    got.push({ path: request.url ?? '', token, sid: decodeJwt(token).sid })
    failures -= 1
    response.writeHead(failures >= 0 ? 503 : 200).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return {
    url: (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    fail: (times: number) => {
      failures = times
    },
    received: () => got,
    async wait(count: number, timeout = 5_000) {
      await vi.waitFor(() => expect(got.length).toBeGreaterThanOrEqual(count), { timeout })
      return got
    },
  }
}
