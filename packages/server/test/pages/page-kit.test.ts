import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readWords } from '../../src/pages/strings.ts'
import { openPages, PASSWORD } from '../helpers/open-pages.ts'
import { PageVisitor } from '../helpers/page-visitor.ts'
import { startTestServer, temporaryDirectory } from '../helpers/test-server.ts'

const HTML = 'text/html; charset=utf-8'

describe('every page', () => {
  it('HDR-02 to HDR-06 has a strict policy with a fresh nonce and all headers, errors too', async () => {
    const { visitor } = await openPages({ signUp: 'true' })
    await visitor.login('ada', PASSWORD)
    const nonces = new Set<string>()
    const paths = [
      '/account',
      '/account/password',
      '/account/api-keys',
      '/logout',
      '/no-such-page',
      '/login?reauthenticate=1',
    ]
    for (const path of paths) {
      const { headers, text } = await visitor.get(path)
      const policy = headers.get('content-security-policy') ?? ''
      expect(policy).toMatch(/default-src 'none'.*object-src 'none'.*base-uri 'none'.*frame-ancestors 'none'/)
      const nonce = /script-src 'nonce-([\w-]+)'/.exec(policy)?.[1] ?? ''
      expect(text).toContain(`nonce="${nonce}"`)
      nonces.add(nonce)
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-type': HTML,
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'no-store',
      })
      expect(text).not.toMatch(/<script|\son\w+=|style=|https?:\/\//)
    }
    expect(nonces.size).toBe(paths.length)
    for (const answer of [
      await visitor.get('/'),
      await visitor.post('/login', {}, { 'sec-fetch-site': 'cross-site' }),
    ]) {
      expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
      expect(answer.headers.get('cache-control')).toBe('no-store')
    }
  })

  it('HDR-01 tells browsers over HTTPS to stay there', async () => {
    const { publicAddress } = await startTestServer({
      publicUrl: 'https://accounts.example',
      trustProxy: '127.0.0.1',
    })
    const proxied = new PageVisitor(publicAddress, {
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'accounts.example',
    })
    for (const path of ['/login', '/no-such-page', '/']) {
      const { headers } = await proxied.get(path)
      expect(headers.get('strict-transport-security')).toBe('max-age=63072000; includeSubDomains')
    }
  })

  it('HDR-07 tells nothing of a fault', async () => {
    const { visitor, authority } = await openPages()
    await visitor.login('ada', PASSWORD)
    await authority.database.run('ALTER TABLE coatcheck_accounts RENAME TO coatcheck_secret')
    const { status, text } = await visitor.get('/account')
    expect(status).toBe(503)
    expect(text).not.toMatch(/coatcheck_|SELECT|sqlite|Error|\bat\b .*\.ts/i)
    expect((await visitor.login('ada', PASSWORD)).status).toBe(503)
  })

  it('has a look and words of its own where the operator says so', async () => {
    const directory = temporaryDirectory()
    const file = (name: string, content: string) => {
      writeFileSync(join(directory, name), content)
      return join(directory, name)
    }
    const { visitor, publicAddress } = await openPages({
      siteName: 'Änne & <Söhne>',
      themeCss: file('theme.css', ':root { --accent: #123456 }'),
      logo: file('logo.svg', '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
      strings: file('words.json', JSON.stringify({ language: 'de', 'login.title': 'Anmelden' })),
    })
    const { text } = await visitor.get('/login')
    expect(text).toContain('<html lang="de">')
    expect(text).toContain('<title>Anmelden · Änne &amp; &lt;Söhne&gt;</title>')
    const [base, theme, logo] = [...text.matchAll(/(?:href|src)="(\/page-files\/[^"]*)"/g)].map(
      ([, path = '']) => path,
    )
    expect(await (await fetch(publicAddress + theme)).text()).toContain('#123456')
    expect((await fetch(publicAddress + base)).headers.get('cache-control')).toContain('immutable')
    const picture = await fetch(publicAddress + logo)
    expect(picture.headers.get('content-type')).toBe('image/svg+xml')
    expect(picture.headers.get('content-security-policy')).toMatch(/default-src 'none'.*sandbox/)
  })
})

describe('the words of the pages', () => {
  it('are all there, and none is left over', () => {
    const words = Object.keys(
      JSON.parse(readFileSync(new URL('../../assets/strings.en.json', import.meta.url), 'utf8')),
    )
    const source = new URL('../../src/', import.meta.url)
    const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    )
    const code = files.map((name) => readFileSync(new URL(name, source), 'utf8')).join('\n')
    const made = [...code.matchAll(/`([a-zA-Z.]+\.)\$\{/g)].map(([, start = '']) => start)
    const isUsed = (key: string) => code.includes(`'${key}'`) || made.some((start) => key.startsWith(start))
    expect(words.filter((key) => !isUsed(key))).toEqual([])
    const asked = [...code.matchAll(/\bwords\('([^']+)'/g)].map(([, key = '']) => key)
    expect(asked.filter((key) => !words.includes(key))).toEqual([])
  })

  it('of the operator are checked at the start, with every mistake', () => {
    const path = join(temporaryDirectory(), 'words.json')
    writeFileSync(
      path,
      JSON.stringify({ 'login.titel': 'x', 'login.title': 3, 'confirm.text': 'Hello {nmae}' }),
    )
    expect(() => readWords(path)).toThrow(
      [
        'strings has a key "login.titel" that no page uses.',
        'strings: login.title must be a text.',
        'strings: confirm.text has no value {nmae}; it has name.',
      ].join('\n'),
    )
    writeFileSync(path, '[]')
    expect(() => readWords(path)).toThrow('must be a readable JSON file')
  })
})
