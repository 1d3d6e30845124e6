import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openAuthority } from '../../src/authority.ts'
import { startServer } from '../../src/server.ts'
import { PageVisitor } from '../helpers/page-visitor.ts'
import { testSettings } from '../helpers/test-server.ts'

const PASSWORDS = [
  'correct horse battery',
  'typed into the wrong field',
  'another horse battery',
  'a third horse battery',
]

describe('what the pages are given', () => {
  it('AUD-01, P6 is in no log line, and in no file but as a hash', async () => {
    const links: string[] = []
    const resetUrl = await endpoint(links)
    const settings = testSettings({
      signUp: 'true',
      resetUrl,
      logLevel: 'debug',
      hookSecret: 'shared secret',
    })
    const lines: string[] = []
    const authority = await openAuthority(settings, { logTo: { write: (line) => void lines.push(line) } })
    const server = await startServer(authority)
    const visitor = new PageVisitor(server.publicAddress)
    const secrets = await journey(visitor, links, () => authority.accounts.flush())
    await server.stop()
    await authority.close()
    expect(lines.length).toBeGreaterThan(5)
    const kept = readdirSync(settings.dataDirectory).filter((name) => name.includes('.db'))
    const files = kept.map((name) => readFileSync(join(settings.dataDirectory, name), 'latin1'))
    for (const secret of [...PASSWORDS, ...secrets]) {
      expect(secret.length).toBeGreaterThan(15)
      expect([secret, lines.filter((line) => line.includes(secret))]).toEqual([secret, []])
      expect([secret, files.some((file) => file.includes(secret))]).toEqual([secret, false])
    }
    expect(files.some((file) => file.includes('Ada'))).toBe(true)
  })
})

/** Goes everywhere, and answers with the secrets that came of it. */
async function journey(
  visitor: PageVisitor,
  links: readonly string[],
  flush: () => Promise<void>,
): Promise<string[]> {
  const [first, mistyped, second, third] = PASSWORDS as [string, string, string, string]
  await visitor.submit('/sign-up', { name: 'Ada', password: first })
  const secrets = [visitor.jar.get('__Host-sid'), visitor.jar.get('__Host-device')]
  const key = await visitor.submit('/account/api-keys', { name: 'report', scopes: '' })
  secrets.push(/coatcheck_\w{20,}[\w-]*/.exec(key.text.split('class="made"')[1] ?? '')?.[0])
  await visitor.submit('/account/password', { current: mistyped, new: second })
  await visitor.submit('/account/password', { current: first, new: second })
  secrets.push(visitor.jar.get('__Host-sid'))
  await visitor.submit('/logout', {})
  await visitor.login(mistyped, first)
  await visitor.post('/forgot-password', { name: 'ada' })
  await flush()
  const link = new URL(links[0] ?? '')
  secrets.push(link.searchParams.get('token') ?? '')
  await visitor.get(`${link.pathname}${link.search}`)
  await visitor.submit(`${link.pathname}${link.search}`, { password: third })
  expect((await visitor.login('ada', third)).status).toBe(303)
  secrets.push(visitor.jar.get('__Host-sid'))
  return secrets.map(String)
}

async function endpoint(links: string[]): Promise<string> {
  const server = createServer((request, response) => {
    request.on('data', (chunk) => links.push(JSON.parse(String(chunk)).link))
    request.on('end', () => response.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
