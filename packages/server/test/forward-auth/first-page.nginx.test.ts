import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FakeEnvironment } from 'coatcheck/testing'
import { describe, expect, it } from 'vitest'
import { freePort } from '../../../coatcheck/test/helpers/redis-server.ts'
import { browse, CookieJar, send, submit } from '../helpers/client.ts'
import { guideFiles, writeGuideFiles } from '../helpers/guide-files.ts'
import { startNginx } from '../helpers/proxies.ts'
import { startTestServer, temporaryDirectory, type Written } from '../helpers/test-server.ts'

const PASSWORD = 'correct horse battery'
const SETTINGS: Written = { signUp: 'true' }

/** The guide's nginx with its static page, in front of a server with these settings. `asks`: in the query of the sub-request. */
async function start(settings: (ports: { server: number; site: number }) => Written, asks = '') {
  const environment = new FakeEnvironment()
  const ports = { server: await freePort(), site: await freePort(), accounts: await freePort() }
  const written = { ...SETTINGS, port: String(ports.server), ...settings(ports) }
  const { authority } = await startTestServer(written, { environment })
  const directory = temporaryDirectory()
  const names = ['coatcheck.conf', 'protected.conf', 'nginx.conf', 'accounts.conf']
  writeGuideFiles(directory, guideFiles('forward-auth'), names, {
    'coatcheck/forward-auth': `coatcheck/forward-auth${asks}`,
    '127.0.0.1:4000': `127.0.0.1:${ports.server}`,
    '127.0.0.1:8080': `127.0.0.1:${ports.site}`,
    '127.0.0.1:8082': `127.0.0.1:${ports.accounts}`,
  })
  const main = join(directory, 'nginx.conf')
  writeFileSync(main, readFileSync(main, 'utf8').replace(/\n\}\n$/, '\n  include accounts.conf;\n}\n'))
  mkdirSync(join(directory, 'site'))
  writeFileSync(join(directory, 'site/index.html'), '<h1>Only for members</h1>\n')
  await startNginx(directory, ports.site)
  return { authority, environment, ports }
}

describe('the first page behind nginx, as the guide goes', () => {
  it('sends to the login page, lets sign up, comes back, and closes at the logout', async () => {
    const { ports } = await start(({ server, site }) => ({
      publicUrl: `http://localhost:${server}`,
      hosts: `http://localhost:${site}`,
    }))
    const [page, accounts] = [`http://localhost:${ports.site}/`, `http://localhost:${ports.server}`]
    const jar = new CookieJar()
    const login = await browse(jar, page)
    expect(login.address).toBe(`${accounts}/login?return_to=${encodeURIComponent(page)}`)
    const [, signUp = ''] = /href="(\/sign-up[^"]*)"/.exec(login.answer.body) ?? []
    const arrived = await submit(jar, accounts + signUp.replaceAll('&amp;', '&'), {
      name: 'Ada',
      password: PASSWORD,
    })
    expect([arrived.address, arrived.answer.status]).toEqual([page, 200])
    expect(arrived.answer.body).toContain('Only for members')
    expect(arrived.answer.headers['cache-control']).toBe('private, no-cache')

    await submit(jar, `${accounts}/logout`, {})
    expect((await browse(jar, page)).address).toBe(login.address)
    const back = await submit(jar, page, { name: 'Ada', password: PASSWORD })
    expect([back.address, back.answer.body]).toEqual([page, '<h1>Only for members</h1>\n'])
  })

  it('STEP-01 asks for the password again where a fresh proof is wanted', async () => {
    const { ports, environment, authority } = await start(
      ({ server, site }) => ({ publicUrl: `http://localhost:${server}`, hosts: `http://localhost:${site}` }),
      '?fresh=5m',
    )
    const page = `http://localhost:${ports.site}/`
    await authority.accounts.create({ name: 'Ada', password: PASSWORD })
    const jar = new CookieJar()
    expect((await submit(jar, page, { name: 'Ada', password: PASSWORD })).address).toBe(page)
    environment.advance(6 * 60_000)
    const asked = await browse(jar, page)
    expect(new URL(asked.address).searchParams.get('reauthenticate')).toBe('1')
    const again = await submit(jar, asked.address, { password: PASSWORD })
    expect([again.address, again.answer.status]).toEqual([page, 200])
  })
})

describe('several hosts behind nginx', () => {
  it('share the cookie of one domain', async () => {
    const { ports, authority } = await start(({ site }) => ({
      publicUrl: 'http://accounts.shop.localhost:1',
      hosts: `http://app.shop.localhost:${site},http://wiki.shop.localhost:${site}`,
      cookieDomain: 'shop.localhost',
    }))
    await authority.accounts.create({ name: 'Ada', password: PASSWORD })
    // Where the proxy has the login page.
    expect((await send(`http://accounts.localhost:${ports.accounts}/forward-auth`)).status).toBe(404)
    const jar = new CookieJar()
    const accounts = `http://accounts.shop.localhost:${ports.accounts}`
    const wanted = `http://app.shop.localhost:${ports.site}/`
    const login = await send(wanted, { headers: { accept: 'text/html' } })
    const at = String(login.headers.location).replace('http://accounts.shop.localhost:1', accounts)
    expect((await submit(jar, at, { name: 'Ada', password: PASSWORD })).address).toBe(wanted)
    expect((await browse(jar, `http://wiki.shop.localhost:${ports.site}/`)).answer.status).toBe(200)
    expect((await browse(jar, `http://evil.shop.localhost:${ports.site}/`)).answer.status).toBe(403)
    await authority.sessions.revokeEveryone()
    expect((await send(wanted, { headers: { cookie: jar.header(wanted) } })).status).toBe(401)
  })

  it('CORS-06 have cookies of their own across domains, a fresh proof counts there, and a logout ends all', async () => {
    const { ports, authority, environment } = await start(
      ({ server, site }) => ({
        publicUrl: `http://accounts.localhost:${server}`,
        hosts: `http://app.localhost:${site},http://wiki.localhost:${site}`,
      }),
      '?fresh=5m',
    )
    await authority.accounts.create({ name: 'Ada', password: PASSWORD })
    const [app, wiki] = [`http://app.localhost:${ports.site}/`, `http://wiki.localhost:${ports.site}/`]
    const accounts = `http://accounts.localhost:${ports.server}`
    const jar = new CookieJar()
    expect((await submit(jar, app, { name: 'Ada', password: PASSWORD })).address).toBe(app)
    expect((await browse(jar, wiki)).address).toBe(wiki)
    environment.advance(6 * 60_000)
    for (const page of [app, wiki]) {
      const asked = await browse(jar, page)
      if (page === app) {
        expect(new URL(asked.address).pathname).toBe('/login')
        expect((await submit(jar, asked.address, { password: PASSWORD })).address).toBe(page)
      } else {
        expect([asked.address, asked.answer.status]).toEqual([page, 200])
      }
    }
    await submit(jar, `${accounts}/logout`, {})
    for (const page of [app, wiki]) expect(new URL((await browse(jar, page)).address).pathname).toBe('/login')
    const users = await authority.sessions.listAll({ limit: 10 })
    expect(users.sessions).toEqual([])
  })
})
