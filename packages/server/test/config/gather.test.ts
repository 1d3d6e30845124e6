import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gatherSettings, type Origins, SETTINGS_FILE } from '../../src/config/gather.ts'
import { printedSettings } from '../../src/config/print.ts'
import { ConfigurationError, resolveSettings } from '../../src/config/resolve.ts'
import { temporaryDirectory } from '../helpers/test-server.ts'

const KEY = Buffer.alloc(32, 7).fill(9, 3, 20).toString('base64url')

describe('settings', () => {
  it('come from the strongest source: flag over environment over file over default', () => {
    const directory = temporaryDirectory()
    const file = write(directory, SETTINGS_FILE, { port: 1, 'site-name': 'file', 'cookie-name': 'file' })
    const { settings, sources } = resolved({
      flags: { dataDirectory: directory, port: '3' },
      env: { COATCHECK_PORT: '2', COATCHECK_SITE_NAME: 'environment', HOME: '/' },
    })
    expect([settings.port, settings.siteName, settings.cookieName]).toEqual([3, 'environment', 'file'])
    expect([sources.port, sources.siteName, sources.cookieName, sources.host]).toEqual([
      'flag',
      'environment',
      'file',
      'default',
    ])
    expect(gatherSettings(origins({ flags: { dataDirectory: directory } })).file).toBe(file)
  })

  it('take a mounted secret from the file that a variable names, without its last line break', () => {
    const directory = temporaryDirectory()
    const path = join(directory, 'keys')
    writeFileSync(path, `0:${KEY}\n`)
    const { settings, sources } = resolved({ env: { COATCHECK_KEYS_FILE: path } })
    expect([settings.keys, sources.keys]).toEqual([`0:${KEY}`, 'environment file'])
    expect(mistakesOf({ env: { COATCHECK_KEYS_FILE: path, COATCHECK_KEYS: `0:${KEY}` } })).toEqual([
      'COATCHECK_KEYS and COATCHECK_KEYS_FILE must not both be set.',
    ])
    expect(mistakesOf({ env: { COATCHECK_KEYS_FILE: `${path}.gone` } })).toEqual([
      'COATCHECK_KEYS_FILE names a file that cannot be read (ENOENT).',
    ])
  })

  it('of a file take numbers, flags and lists, too', () => {
    const directory = temporaryDirectory()
    const config = write(directory, 'own.json', {
      port: 8080,
      'sign-up': true,
      claims: ['role', 'team'],
      'data-directory': directory,
    })
    const { settings } = resolved({ config })
    expect([settings.port, settings.signUp, settings.claims, settings.dataDirectory]).toEqual([
      8080,
      true,
      ['role', 'team'],
      directory,
    ])
  })

  it('tell every mistake in one go, with the nearest name', () => {
    const directory = temporaryDirectory()
    const config = write(directory, 'own.json', { 'pulbic-url': 'x', port: { a: 1 }, quarantine: 1 })
    const found = mistakesOf({
      config,
      flags: { adminPort: 'many' },
      env: { COATCHECK_PUBLIC_ULR: 'x', COATCHECK_ZEBRA_STRIPES: 'x', COATCHECK_IDLE_TIMEOUT: '30 minutes' },
    })
    expect(found).toEqual([
      'COATCHECK_PUBLIC_ULR is no setting: did you mean COATCHECK_PUBLIC_URL?',
      'COATCHECK_ZEBRA_STRIPES is no setting.',
      `pulbic-url in ${config} is no setting: did you mean public-url?`,
      `port in ${config} must be a text, a number, true or false, or a list of texts.`,
      `quarantine in ${config} is no setting.`,
      'admin-port (flag) must be a whole number from 0 to 65535.',
      'idle-timeout (environment) must be a duration such as 90s, 30m, 12h or 14d, of 400 days at most.',
    ])
  })

  it('leave alone what Kubernetes sets for a service called coatcheck', () => {
    const env = {
      COATCHECK_SERVICE_HOST: '10.0.0.1',
      COATCHECK_SERVICE_PORT: '4000',
      COATCHECK_SERVICE_PORT_HTTP: '4000',
      COATCHECK_PORT: 'tcp://10.0.0.1:4000',
      COATCHECK_PORT_4000_TCP: 'tcp://10.0.0.1:4000',
      COATCHECK_PORT_4000_TCP_PROTO: 'tcp',
      COATCHECK_PORT_4000_TCP_PORT: '4000',
      COATCHECK_PORT_4000_TCP_ADDR: '10.0.0.1',
    }
    expect(resolved({ env }).settings.port).toBe(4_000)
  })

  it('refuse a file that cannot be used, and one with secrets that others may read', () => {
    const directory = temporaryDirectory()
    const broken = join(directory, 'broken.json')
    writeFileSync(broken, '{ "port": hunter2 }')
    expect(mistakesOf({ config: broken })).toEqual([`The file of settings ${broken} is no JSON.`])
    expect(mistakesOf({ config: `${broken}.gone` })).toEqual([
      `The file of settings ${broken}.gone cannot be read (ENOENT).`,
    ])
    const open = write(directory, 'open.json', { store: 'redis://:hunter2@127.0.0.1' }, 0o644)
    expect(mistakesOf({ config: open, env: { COATCHECK_KEYS: `0:${KEY}` } })).toEqual([
      `The file of settings ${open} can hold secrets and is open to other users: chmod 600 it.`,
    ])
    const list = write(directory, 'list.json', [])
    expect(mistakesOf({ config: list })).toEqual([`The file of settings ${list} must be a JSON object.`])
    write(directory, SETTINGS_FILE, { 'data-directory': '/elsewhere' })
    expect(mistakesOf({ flags: { dataDirectory: directory } })).toHaveLength(1)
  })

  it('AUD-01 repeat no secret, neither in a mistake nor in print', () => {
    const secrets = {
      COATCHECK_STORE: 'redis://user:hunter2@cache.example:6380/3?password=hunter2',
      COATCHECK_DATABASE: 'postgres://user:hunter2@db.example/app?sslpassword=hunter2',
      COATCHECK_KEYS: `0:${KEY}`,
    }
    const { given } = gatherSettings(origins({ env: secrets }))
    const printed = JSON.stringify(printedSettings(resolveSettings(given), given))
    expect(printed).not.toMatch(new RegExp(`hunter2|${KEY}`))
    expect(printed).toContain('redis://cache.example:6380/3')
    const wrong = {
      COATCHECK_STORE: 'reddis://user:hunter2@cache.example',
      COATCHECK_DATABASE: 'mysql://user:hunter2@db.example',
      COATCHECK_KEYS: `0:${KEY}x,99:${KEY}`,
      COATCHECK_VERIFY_URL: 'hunter2',
    }
    const found = mistakesOf({ env: wrong, flags: { keys: `0:${KEY}` } })
    expect(found).toHaveLength(4)
    expect(found.join()).not.toMatch(new RegExp(`hunter2|${KEY.slice(0, 20)}`))
    expect(mistakesOf({ env: { COATCHECK_KEYS: `0:${KEY}x` } }).join()).not.toContain(KEY.slice(0, 20))
  })
})

describe('settings that contradict each other are refused:', () => {
  it.each([
    [{ publicUrl: 'http://accounts.example' }, /https:\/\/ beyond this machine/],
    [{ publicUrl: 'https://accounts.example', host: '0.0.0.0' }, /tls-cert and tls-key, or in trust-proxy/],
    [{ publicUrl: 'https://a.example', trustProxy: '10.0.0.1', cookieDomain: 'b.example' }, /cookie-domain/],
    [
      { publicUrl: 'https://a.example', trustProxy: '10.0.0.1', hosts: 'http://b.example' },
      /hosts must be HTTPS/,
    ],
    [{ hosts: 'http://localhost:4000' }, /hosts must not repeat/],
    [{ port: '4001' }, /port and admin-port must differ/],
    [{ adminPort: 'off', adminUrl: 'http://localhost:4001' }, /admin-url must not be given/],
    [{ adminUrl: 'http://localhost:4000' }, /admin-url and public-url must differ/],
    [{ signUp: 'true', verifyUrl: 'https://users.example/check' }, /sign-up/],
    [{ store: 'redis://127.0.0.1' }, /keys must be given/],
    [{ database: 'postgres://one,two' }, /must name one server/],
    [{ idleTimeout: '13h' }, /idle-timeout must not be longer/],
  ] as const)('%o', (flags, expected) => {
    const env = expected.source.startsWith('keys') ? {} : { COATCHECK_KEYS: `0:${KEY}` }
    expect(mistakesOf({ flags, env })).toEqual([expect.stringMatching(expected)])
  })

  it.each([
    { publicUrl: 'https://a.b.example', trustProxy: '10.0.0.0/8, unix', cookieDomain: 'b.example' },
    { publicUrl: 'https://accounts.example' },
    { publicUrl: 'http://accounts.localhost:4000', hosts: 'http://shop.localhost:3000' },
    { publicUrl: 'http://accounts.example', unsafeAllowHttp: 'true' },
    { store: 'redis://one:7000,two:7000,redis://three' },
    { host: '::1', adminHost: '[::]', port: '0', adminPort: '0' },
  ])('and these are not: %o', (flags) => {
    expect(mistakesOf({ flags, env: { COATCHECK_KEYS: `0:${KEY}` } })).toEqual([])
  })
})

describe('a value that cannot be right is refused:', () => {
  it.each([
    ['port', '70000'],
    ['port', '1e3'],
    ['host', 'http://x'],
    ['publicUrl', 'localhost:4000'],
    ['publicUrl', 'http://localhost:4000/path'],
    ['publicUrl', 'http://user@localhost:4000'],
    ['trustProxy', '10.0.0.0/33'],
    ['trustProxy', 'proxy.example'],
    ['cookieName', 'a b'],
    ['cookieName', '__Host-sid'],
    ['cookieDomain', 'example'],
    ['cookieDomain', '.shop.example'],
    ['idleTimeout', '30'],
    ['idleTimeout', '-5m'],
    ['absoluteTimeout', '500d'],
    ['claims', 'a b'],
    ['keys', 'no-keys'],
    ['keys', `0:${KEY}:sometimes`],
    ['signUp', 'yes'],
    ['minPasswordLength', '4'],
    ['logLevel', 'loud'],
    ['tlsCert', '/no/such/file'],
    ['siteName', '  '],
  ] as const)('%s %s', (name, value) => {
    const found = mistakesOf({ flags: { [name]: value }, env: {} }).filter((one) => one.includes('(flag)'))
    expect(found).toHaveLength(1)
  })
})

function origins(given: Partial<Origins>): Origins {
  return { flags: {}, config: null, env: {}, ...given }
}

function resolved(given: Partial<Origins>) {
  const { given: settings, mistakes } = gatherSettings(origins(given))
  return resolveSettings(settings, mistakes)
}

function mistakesOf(given: Partial<Origins>): readonly string[] {
  const flags = { dataDirectory: temporaryDirectory(), ...given.flags }
  try {
    resolved({ ...given, flags: given.config ? { ...given.flags } : flags })
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.mistakes
    throw error
  }
}

function write(directory: string, name: string, content: unknown, mode = 0o600): string {
  mkdirSync(directory, { recursive: true })
  const path = join(directory, name)
  writeFileSync(path, JSON.stringify(content), { mode })
  return path
}
