import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { followChanges } from '../api/followed-changes.ts'
import { command } from '../helpers/command.ts'
import { ServerProcess } from '../helpers/server-process.ts'
import { temporaryDirectory } from '../helpers/test-server.ts'

it('P7 a service follows changes through a balancer that sends each request to another process', async () => {
  const dataDirectory = temporaryDirectory()
  const processes = [await started(dataDirectory), await started(dataDirectory)]
  const publicAddress = await balancer(processes.map((one) => one.publicAddress))
  const scopes = ['changes:read', 'sessions:create', 'sessions:revoke'].flatMap((scope) => ['--scope', scope])
  const { out } = await command(['api-keys', 'create', 'shop', ...scopes, '--data-directory', dataDirectory])
  const key = out.trim()
  const call = async (method: string, path: string, body?: object) => {
    const headers = { 'x-api-key': key, ...(body && { 'content-type': 'application/json' }) }
    const options = { method, headers, ...(body && { body: JSON.stringify(body) }) }
    const response = await fetch(`${publicAddress}${path}`, options)
    const text = await response.text()
    return { status: response.status, body: text === '' ? null : JSON.parse(text) }
  }
  const changes = await followChanges({ server: { publicAddress }, key })
  const { stream } = await changes.next('open')
  for (let turn = 0; turn < 6; turn++) {
    const made = await call('POST', '/v1/sessions', { userId: 'ada', transport: 'bearer' })
    expect((await call('DELETE', `/v1/sessions/${made.body.session.id}`)).status).toBe(204)
    expect((await call('POST', `/v1/changes/${stream}/probe`, { probe: `p${turn}` })).status).toBe(202)
    await expect
      .poll(() => changes.seen.at(-1), { timeout: 10_000 })
      .toEqual({ event: 'probe', data: { probe: `p${turn}` } })
    const named = changes.seen.filter(({ event }) => event === 'changed').flatMap(({ data }) => data.sessions)
    expect(named).toContain(made.body.session.id)
    // So that each kind of call comes to both.
    if (turn % 2 === 1) await call('GET', '/v1/openapi.json')
  }
})

async function started(dataDirectory: string): Promise<ServerProcess> {
  const server = await ServerProcess.start({ dataDirectory })
  onTestFinished(() => server.kill())
  return server
}

/** Each request to the next of them, whatever it is. */
async function balancer(addresses: readonly string[]): Promise<string> {
  let turn = 0
  const server = createServer((incoming, response) => {
    const { method = 'GET', headers, url = '' } = incoming
    const address = `${addresses[turn++ % addresses.length]}${url}`
    const passed = request(address, { method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    passed.on('error', () => response.destroy())
    response.on('close', () => passed.destroy())
    incoming.pipe(passed)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
