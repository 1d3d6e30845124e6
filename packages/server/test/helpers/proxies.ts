import { type ChildProcess, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { userInfo } from 'node:os'
import { onTestFinished } from 'vitest'
import { requireEngine } from '../../../../scripts/engines.ts'

/** Runs nginx as the guide does over the files of a directory, until the test ends; resolves once it listens on `port`. */
export function startNginx(directory: string, port: number): Promise<void> {
  // As root it would hand its work to a user who may not read the directory.
  const user = userInfo().uid === 0 ? ' user root;' : ''
  const given = ['-e', 'stderr', '-p', directory, '-c', 'nginx.conf', '-g', `daemon off;${user}`]
  return run(requireEngine('nginx'), given, directory, port)
}

/** The same with Caddy. */
export function startCaddy(directory: string, port: number): Promise<void> {
  return run(
    requireEngine('caddy'),
    ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile'],
    directory,
    port,
  )
}

async function run(
  command: string,
  given: readonly string[],
  directory: string,
  port: number,
): Promise<void> {
  const home = { HOME: directory, XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory }
  const child = spawn(command, given, {
    cwd: directory,
    env: { ...process.env, ...home },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk
  })
  onTestFinished(() => ended(child))
  while (!(await listens(port))) {
    if (child.exitCode !== null) throw new Error(`${command} ended:\n${said}`)
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await gone
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => setImmediate(() => resolve(false)))
  })
}
