import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import { requireEngine } from '../../../../scripts/engines.ts'
import { startTestServer } from '../helpers/test-server.ts'
import { type Service, serviceOf } from './client.ts'

const EXAMPLES = fileURLToPath(new URL('../../../../examples/server-clients/', import.meta.url))

/** What a service that uses sessions needs, and no more. */
const SCOPES = ['sessions:create', 'sessions:validate', 'sessions:write']

/** A file of an example under way, with a key of its own and the output that it has made. */
export async function startExample(engine: string, file: string) {
  const service = await serviceOf(await startTestServer(), SCOPES)
  const port = String(await freePort())
  const origin = `http://localhost:${port}`
  const child = spawn(engine === 'shell' ? '/bin/sh' : requireEngine(engine), [`${EXAMPLES}${file}`], {
    env: {
      ...process.env,
      ...{ PORT: port, ORIGIN: origin, PYTHONDONTWRITEBYTECODE: '1' },
      ...{ COATCHECK_URL: service.server.publicAddress, COATCHECK_KEY: service.key },
    },
  })
  const said = { text: '' }
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said.text += data))
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill()
    await exited
  })
  return { service, said, origin, address: `http://127.0.0.1:${port}`, exited }
}

/** Login, visits and logout in a shop, by what a browser would send; every rule of cookies is the library's. */
export async function visitShop(engine: string, file: string): Promise<void> {
  const shop = await startExample(engine, file)
  await expect.poll(() => shop.said.text, { timeout: 50_000 }).toContain('listening on')
  const jar = new Jar(shop)
  expect(await jar.send('GET', '/')).toMatchObject({ status: 200, text: 'Hello, visitor.' })
  expect((await jar.send('POST', '/login', 'name=ada&password=wrong')).status).toBe(401)
  const login = await jar.send('POST', '/login', 'name=ada&password=correct+horse')
  expect([login.status, jar.cookie]).toEqual([303, expect.stringMatching(/^__Host-sid=[\w-]{68}$/)])
  expect(login.cacheControl).toContain('no-store')
  expect((await jar.send('GET', '/')).text).toBe('Hello, ada. Visit 1.')
  expect((await jar.send('GET', '/')).text).toBe('Hello, ada. Visit 2.')
  const stolen = jar.cookie
  const forged = await jar.send('POST', '/logout', '', { origin: 'https://evil.example' })
  expect([forged.status, forged.text]).toEqual([403, 'Refused: csrf.'])
  if (engine === 'python') await stepUp(jar)
  expect((await jar.send('POST', '/logout')).status).toBe(303)
  expect(jar.cookie).toBe('')
  jar.cookie = stolen
  expect((await jar.send('GET', '/')).text).toBe('Hello, visitor.')
  expect(shop.said.text).not.toContain(shop.service.key)
}

async function stepUp(jar: Jar): Promise<void> {
  const before = jar.cookie
  expect((await jar.send('POST', '/confirm', 'name=ada&password=correct+horse')).status).toBe(303)
  expect(jar.cookie).not.toBe(before)
  expect((await jar.send('GET', '/')).text).toBe('Hello, ada. Visit 3.')
}

/** As much of a browser as this takes. */
class Jar {
  cookie = ''
  readonly #shop: { readonly origin: string; readonly address: string }

  constructor(shop: { readonly origin: string; readonly address: string; readonly service: Service }) {
    this.#shop = shop
  }

  async send(method: string, path: string, body = '', headers: Record<string, string> = {}) {
    const { origin, address } = this.#shop
    const response = await fetch(`${address}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(method === 'POST' && { origin }),
        ...(this.cookie !== '' && { cookie: this.cookie }),
        ...headers,
      },
      ...(method === 'POST' && { body }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      this.cookie = pair.endsWith('=') ? '' : pair
    }
    const cacheControl = response.headers.get('cache-control')
    return { status: response.status, text: await response.text(), cacheControl }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
