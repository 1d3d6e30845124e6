import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { openAuthority, resolveSettings } from '@coatcheck/server'
import { run } from '@coatcheck/server/command'
import { startForwardAuthDemo } from './forward-auth/proxy.ts'

/** Their passwords are public on purpose. */
const DEMO = [
  { name: 'carol', password: 'umbrella-stand' },
  { name: 'dave', password: 'lost-and-found' },
] as const

/** `coatcheck serve`, and two pages behind it that know nothing of sessions. */
export interface SessionServer {
  readonly address: string
  readonly pagesAddress: string
  readonly adminAddress: string
  readonly hasPython: boolean
  readonly accounts: typeof DEMO
  /** File with the link by which the first administrator is made; `null` once there is one. */
  readonly setupLinkFile: string | null
  stop(): Promise<void>
}

export interface SessionServerOptions {
  readonly dataDirectory: string
  /** 0: any that is free, for the pages and administration, too. The others are the next ones otherwise. */
  readonly port: number
}

/** Starts the server of sessions beside the shop, as its own command does, in a directory of its own. */
export async function startSessionServer(options: SessionServerOptions): Promise<SessionServer> {
  const dataDirectory = join(options.dataDirectory, 'session-server')
  const [port, adminPort, pagesPort] = await portsFrom(options.port)
  const settings = {
    'data-directory': dataDirectory,
    port: String(port),
    'admin-port': String(adminPort),
    'public-url': `http://localhost:${port}`,
    hosts: `http://localhost:${pagesPort}`,
    // The browser has one cookie jar for all of localhost, the shop's cookies in it.
    'cookie-name': 'session-server',
    'site-name': 'Superb Accounts',
    'log-level': 'error',
  }
  const hasAdmin = await seed(settings)
  const command = await serve(settings, hasAdmin)
  try {
    const pages = await startForwardAuthDemo({ authAddress: `http://127.0.0.1:${port}`, port: pagesPort })
    return {
      address: `http://localhost:${port}`,
      pagesAddress: pages.address,
      adminAddress: `http://localhost:${adminPort}`,
      hasPython: pages.hasPython,
      accounts: DEMO,
      setupLinkFile: hasAdmin ? null : join(dataDirectory, 'setup-link'),
      async stop() {
        await pages.stop()
        await command.stop()
      },
    }
  } catch (error) {
    await command.stop()
    throw error
  }
}

/** Makes the demo accounts where they are missing; answers whether there is an administrator. */
async function seed(settings: Readonly<Record<string, string>>): Promise<boolean> {
  const given = Object.entries(settings).map(([name, text]) => {
    const camel = name.replaceAll(/-[a-z]/g, (letters) => letters.slice(1).toUpperCase())
    return [camel, { text, source: 'flag' }] as const
  })
  const { accounts, close } = await openAuthority(resolveSettings(Object.fromEntries(given)).settings)
  try {
    for (const { name, password } of DEMO) {
      if ((await accounts.findByName(name)) === null) await accounts.create({ name, password })
    }
    return await accounts.hasAdmin()
  } finally {
    await close()
  }
}

/** Runs the command until `stop`; resolves once it says that it serves. */
async function serve(
  settings: Readonly<Record<string, string>>,
  hasAdmin: boolean,
): Promise<{ stop(): Promise<void> }> {
  const signals = new Set<() => void>()
  const { promise: served, resolve } = Promise.withResolvers<void>()
  let said = ''
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const ended = run(['serve', ...flags], {
    env: {},
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: {
      write(text: string) {
        said += text
        if (said.includes(hasAdmin ? 'coatcheck serves' : 'No administrator yet')) resolve()
      },
    },
    on: (_signal, listener) => signals.add(listener),
    off: (_signal, listener) => signals.delete(listener),
  })
  await Promise.race([
    served,
    ended.then(() => {
      throw new Error(`The session server cannot start. ${said.trim()}`)
    }),
  ])
  return {
    async stop() {
      for (const signal of [...signals]) signal()
      await ended
    },
  }
}

/** Three ports: this and the next ones, or any that are free at this moment. */
async function portsFrom(first: number): Promise<[number, number, number]> {
  if (first !== 0) return [first, first + 1, first + 2]
  const probes = [0, 1, 2].map(() => createServer().listen(0, '127.0.0.1'))
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.once('listening', resolve))))
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port)
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))))
  return ports as [number, number, number]
}
