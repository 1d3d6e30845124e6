import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openAuthority, resolveSettings } from '@coatcheck/server'
import { run } from '@coatcheck/server/command'
import { startForwardAuthDemo } from './forward-auth/proxy.ts'
import { type Addresses, addressesAt } from './one-login/addresses.ts'
import { startApplications } from './one-login/applications.ts'
import { type ClientSecrets, registerClients } from './one-login/clients.ts'

/** Their passwords are public on purpose. */
const DEMO = [
  { name: 'carol', password: 'umbrella-stand' },
  { name: 'dave', password: 'lost-and-found' },
] as const

/** `coatcheck serve`, two applications that sign their users in there, and two pages behind it that know nothing of sessions. */
export interface SessionServer {
  readonly addresses: Addresses
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
  /** The next ones are those of administration, pages, shop and reviews. 0: any that are free, for all of them. */
  readonly port: number
}

/** Starts the server of sessions, as its own command does, and what stands around it, all in a directory of its own. */
export async function startSessionServer(options: SessionServerOptions): Promise<SessionServer> {
  const dataDirectory = join(options.dataDirectory, 'session-server')
  const [port, adminPort, pagesPort, shopPort, reviewsPort] = await portsFrom(options.port)
  const addresses = addressesAt({ accounts: port, shop: shopPort, reviews: reviewsPort })
  const pagesAddress = `http://pages.localhost:${pagesPort}`
  const settings = {
    'data-directory': dataDirectory,
    port: String(port),
    'admin-port': String(adminPort),
    'public-url': addresses.accounts,
    hosts: pagesAddress,
    'site-name': 'Superb Accounts',
    'theme-css': fileURLToPath(new URL('../public/accounts.css', import.meta.url)),
    'sign-up': 'true',
    'log-level': 'error',
  }
  const { hasAdmin, secrets } = await seed(settings, addresses)
  const running: { stop(): Promise<void> }[] = []
  const stop = async () => {
    for (const part of running.toReversed()) await part.stop()
  }
  try {
    running.push(await serve(settings, hasAdmin))
    const pages = await startForwardAuthDemo({ authAddress: `http://127.0.0.1:${port}`, port: pagesPort })
    running.push(pages)
    running.push(await startApplications(options.dataDirectory, addresses, secrets))
    return {
      ...{ addresses, pagesAddress, hasPython: pages.hasPython, accounts: DEMO, stop },
      adminAddress: `http://localhost:${adminPort}`,
      setupLinkFile: hasAdmin ? null : join(dataDirectory, 'setup-link'),
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Makes the demo accounts where they are missing, and registers the applications. */
async function seed(
  settings: Readonly<Record<string, string>>,
  addresses: Addresses,
): Promise<{ readonly hasAdmin: boolean; readonly secrets: ClientSecrets }> {
  const given = Object.entries(settings).map(([name, text]) => {
    const camel = name.replaceAll(/-[a-z]/g, (letters) => letters.slice(1).toUpperCase())
    return [camel, { text, source: 'flag' }] as const
  })
  const authority = await openAuthority(resolveSettings(Object.fromEntries(given)).settings)
  const { accounts } = authority
  try {
    for (const { name, password } of DEMO) {
      if ((await accounts.findByName(name)) === null) await accounts.create({ name, password })
    }
    return { hasAdmin: await accounts.hasAdmin(), secrets: await registerClients(authority, addresses) }
  } finally {
    await authority.close()
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

type Ports = readonly [number, number, number, number, number]

/** This and the next ones, or any that are free at this moment. */
async function portsFrom(first: number): Promise<Ports> {
  if (first !== 0) return [first, first + 1, first + 2, first + 3, first + 4]
  const probes = [0, 1, 2, 3, 4].map(() => createServer().listen(0, '127.0.0.1'))
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.once('listening', resolve))))
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port)
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))))
  return ports as unknown as Ports
}
