import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ADMIN_SOCKET } from '../src/http/admin-socket.ts'
import { startTestServer } from './helpers/test-server.ts'

describe('the server', () => {
  it('answers on its public and admin listeners, which are apart', async () => {
    const { publicAddress, adminAddress } = await startTestServer()
    expect(publicAddress).not.toBe(adminAddress)
    expect((await fetch(`${publicAddress}/no-such-page`)).status).toBe(404)
    expect((await fetch(`${adminAddress}/no-such-page`)).status).toBe(404)
  })

  it('keeps its files and its socket to its own user', async () => {
    const { authority, stop } = await startTestServer()
    const { dataDirectory } = authority.settings
    for (const name of ['server.db', 'sessions.db', 'master.keys', ADMIN_SOCKET]) {
      expect([name, statSync(join(dataDirectory, name)).mode & 0o077]).toEqual([name, 0])
    }
    await stop()
    expect(existsSync(join(dataDirectory, ADMIN_SOCKET))).toBe(false)
  })
})
