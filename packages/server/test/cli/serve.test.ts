import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ADMIN_SOCKET, isAnswering } from '../../src/http/admin-socket.ts'
import { command, ServerProcess } from '../helpers/command.ts'
import { temporaryDirectory } from '../helpers/test-server.ts'

const FREE = ['--port', '0', '--admin-port', '0']
const PASSWORD = 'correct horse battery'

describe('coatcheck serve', () => {
  it('starts with nothing set up, leads to the first administrator, and ends in order', async () => {
    const directory = join(temporaryDirectory(), 'data')
    const server = await ServerProcess.start([...FREE, '--data-directory', directory])
    const { front, admin } = server.addresses
    expect((await fetch(`${front}/login`)).status).toBe(200)
    const file = join(directory, 'setup-link')
    expect(server.err).toContain(file)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    const link = readFileSync(file, 'utf8').trim()
    expect(link.startsWith(`${admin}/setup?token=`)).toBe(true)
    const token = link.split('=')[1] ?? ''
    expect(server.out + server.err).not.toContain(token)
    const answer = await fetch(link, {
      method: 'POST',
      headers: { origin: admin },
      body: new URLSearchParams({ token, name: 'root', password: PASSWORD }),
      redirect: 'manual',
    })
    expect(answer.status).toBe(303)
    expect(await server.stop()).toBe(0)
    expect(existsSync(join(directory, ADMIN_SOCKET))).toBe(false)
    const again = await ServerProcess.start([...FREE, '--data-directory', directory])
    expect(again.err).not.toContain('administrator yet')
    expect(existsSync(file)).toBe(false)
    expect(again.out + server.out).not.toContain(token)
    expect(await again.stop('SIGINT')).toBe(0)
  })

  it('AUD-01 shows no secret: not to ps, nor in its output, its errors or its environment as children see it', async () => {
    const directory = temporaryDirectory()
    const key = `0:${Buffer.alloc(32, 7).fill(9, 3, 20).toString('base64url')}`
    writeFileSync(join(directory, 'keys'), key)
    const env = { COATCHECK_KEYS_FILE: join(directory, 'keys') }
    const server = await ServerProcess.start([...FREE, '--data-directory', directory], env)
    const shown = execFileSync('ps', ['-o', 'args=', '-p', String(server.child.pid)], { encoding: 'utf8' })
    const seen = readFileSync(`/proc/${server.child.pid}/environ`, 'utf8')
    await server.stop()
    expect(shown + seen + server.out + server.err).not.toContain(key.slice(2))
    const unreachable = await command(['serve', '--data-directory', directory], {
      env: { ...env, COATCHECK_STORE: 'redis://user:hunter2@127.0.0.1:1' },
    })
    expect(unreachable).toMatchObject({ code: 1, out: '' })
    expect(unreachable.err).toBe('Redis at redis://127.0.0.1:1 cannot be reached (ECONNREFUSED).\n')
    const database = { COATCHECK_DATABASE: 'postgres://user:hunter2@127.0.0.1:1/x' }
    expect(
      (await command(['serve', '--data-directory', directory], { env: { ...env, ...database } })).err,
    ).toBe('PostgreSQL at postgres://127.0.0.1:1/x cannot be used (ECONNREFUSED).\n')
  })

  it('says in one sentence that a port is taken, and leaves nothing open', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    for (const [flags, setting] of [
      [['--port', String(port), '--admin-port', '0'], 'port'],
      [['--port', '0', '--admin-port', String(port)], 'admin-port'],
    ] as const) {
      const data = ['--data-directory', temporaryDirectory()]
      expect(await command(['serve', ...flags, ...data])).toEqual({
        code: 1,
        out: '',
        err: `127.0.0.1:${port} is in use by another program: choose another ${setting}.\n`,
      })
    }
    other.close()
  })

  it.each([
    ['is a file', (path: string) => writeFileSync(path, '')],
    [
      'everybody may write to',
      (path: string) => {
        mkdirSync(path)
        chmodSync(path, 0o777)
      },
    ],
    [
      'has a link for a database',
      (path: string) => {
        mkdirSync(path, { mode: 0o700 })
        symlinkSync('/dev/null', join(path, 'server.db'))
      },
    ],
    [
      'has keys that others may read',
      (path: string) => {
        mkdirSync(path, { mode: 0o700 })
        writeFileSync(join(path, 'master.keys'), '{}', { mode: 0o644 })
      },
    ],
  ])('refuses in one sentence a data directory that %s', async (_, prepare) => {
    const directory = join(temporaryDirectory(), 'data')
    prepare(directory)
    const { code, err } = await command(['serve', ...FREE, '--data-directory', directory])
    expect([code, err.trim().split('\n').length]).toEqual([1, 1])
    expect(err).toContain(directory)
  })

  it('replaces a link that was put in the place of the set-up file, and closes files that others could read', async () => {
    const directory = join(temporaryDirectory(), 'data')
    mkdirSync(directory, { mode: 0o700 })
    const target = join(temporaryDirectory(), 'target')
    writeFileSync(target, 'before')
    symlinkSync(target, join(directory, 'setup-link'))
    writeFileSync(join(directory, 'sessions.db'), '', { mode: 0o644 })
    const server = await ServerProcess.start([...FREE, '--data-directory', directory])
    expect(lstatSync(join(directory, 'setup-link')).isFile()).toBe(true)
    expect(readFileSync(target, 'utf8')).toBe('before')
    const open = readdirSync(directory).filter((name) => (statSync(join(directory, name)).mode & 0o077) !== 0)
    expect(open).toEqual([])
    await server.stop()
  })

  it('lets a request under way end at the first signal, and ends at once at the second', async () => {
    for (const signals of [1, 2]) {
      const data = ['--data-directory', temporaryDirectory()]
      const server = await ServerProcess.start([...FREE, ...data, '--shutdown-timeout', '30'])
      const socket = await slowRequest(server.addresses.front)
      server.child.kill('SIGTERM')
      while (!server.err.includes('Stopping')) await once(server.child.stderr ?? server.child, 'data')
      const ended = once(server.child, 'exit')
      if (signals === 2) {
        server.child.kill('SIGINT')
        expect(await ended).toEqual([null, 'SIGINT'])
      } else {
        socket.write('{}')
        const [answer] = (await once(socket, 'data')) as [Buffer]
        expect(String(answer)).toMatch(/^HTTP\/1\.1 4/)
        expect(await ended).toEqual([0, null])
      }
      socket.destroy()
    }
  })
})

describe('two processes over one data directory', () => {
  it('have one admin socket, which the second takes over when the first is killed', async () => {
    const dataDirectory = temporaryDirectory()
    const given = [...FREE, '--data-directory', dataDirectory]
    const [first, second] = [await ServerProcess.start(given), await ServerProcess.start(given)]
    const path = join(dataDirectory, ADMIN_SOCKET)
    const inode = statSync(path).ino
    expect(await second.stop()).toBe(0)
    expect([statSync(path).ino, await isAnswering(path)]).toEqual([inode, true])
    const third = await ServerProcess.start(given)
    await first.stop('SIGKILL')
    expect(existsSync(path)).toBe(true)
    while (!(await isAnswering(path))) await new Promise((resolve) => setTimeout(resolve, 50))
    const { code } = await command(['users', 'list', '--data-directory', dataDirectory])
    expect(code).toBe(0)
    expect(statSync(path).mode & 0o077).toBe(0)
    await third.stop()
    expect(existsSync(path)).toBe(false)
  })
})

/** A request whose body is still to come. */
async function slowRequest(address: string) {
  const { hostname, port, host } = new URL(address)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(
    `POST /v1/sessions HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n`,
  )
  await new Promise((resolve) => setTimeout(resolve, 200))
  return socket
}
