import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { FakeEnvironment } from 'coatcheck/testing'
import { expect, it, onTestFinished } from 'vitest'
import { AdminSocket, adminSocketPath } from '../../src/http/admin-socket.ts'
import { testAuthority } from '../helpers/test-server.ts'

it('of processes that find a socket left behind at once one has it in the end, and another when that one goes', async () => {
  const environment = new FakeEnvironment()
  const authority = await testAuthority({}, { environment })
  const path = adminSocketPath(authority.settings.dataDirectory)
  writeFileSync(path, '')
  const sockets = ['one', 'two', 'three'].map(
    (name) => new AdminSocket(authority, (_, response) => void response.end(name)),
  )
  onTestFinished(async () => {
    for (const socket of sockets) await socket.stop(0)
  })
  const settled = async () => {
    await expect
      .poll(() => {
        environment.advance(2_000)
        return sockets.filter(({ isOurs }) => isOurs).length
      })
      .toBe(1)
    return sockets.findIndex(({ isOurs }) => isOurs)
  }
  await Promise.all(sockets.map((socket) => socket.start()))
  const first = await settled()
  expect(await ask(path)).toBe(['one', 'two', 'three'][first])
  await sockets[first]?.stop(0)
  const second = await settled()
  expect(second).not.toBe(first)
  expect(await ask(path)).toBe(['one', 'two', 'three'][second])
})

function ask(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, agent: false }, (response) => resolve(text(response)))
    sent.once('error', reject)
    sent.end()
  })
}
