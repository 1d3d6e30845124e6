import { spawn } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { requireEngine } from '../../../../scripts/engines.ts'
import { freePort, type PostgresServer, unprivilegedOwner } from './postgres-server.ts'

export interface Pooler {
  /** For drivers; the role and the database are `postgres`. */
  readonly url: string
  dispose(): Promise<void>
}

/** A PgBouncer in transaction mode with `size` connections to the server. */
export async function startPooler(server: PostgresServer, size: number): Promise<Pooler> {
  const port = await freePort()
  const owner = unprivilegedOwner()
  const directory = mkdtempSync(join(tmpdir(), 'coatcheck-pgbouncer-'))
  const write = (name: string, text: string) => {
    writeFileSync(join(directory, name), text)
    if (owner) chownSync(join(directory, name), owner.uid, owner.gid)
  }
  if (owner) chownSync(directory, owner.uid, owner.gid)
  write('users.txt', '"postgres" ""\n')
  write('pgbouncer.ini', configuration(server.port, port, directory, size))
  const child = spawn(requireEngine('pgbouncer'), [join(directory, 'pgbouncer.ini')], {
    ...owner,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`PgBouncer did not start (${code}).`)))
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (line.includes('process up')) resolve()
    })
  })
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async dispose() {
      process.off('exit', kill)
      kill()
      await exited
      rmSync(directory, { recursive: true })
    },
  }
}

function configuration(server: number, port: number, directory: string, size: number): string {
  return `[databases]
* = host=127.0.0.1 port=${server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(directory, 'users.txt')}
pool_mode = transaction
default_pool_size = ${size}
max_client_conn = 200
`
}
