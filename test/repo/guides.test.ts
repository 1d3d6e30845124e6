import { describe, expect, it } from 'vitest'
import { readText, repositoryFiles } from './sources.ts'

/** The guides of the shared little application, and the files of the example that each must show. */
const GUIDES: Readonly<Record<string, readonly string[]>> = {
  express: ['sessions.ts', 'app.ts', 'server.ts', 'test/app.test.ts'],
  fastify: ['sessions.ts', 'app.ts', 'server.ts', 'test/app.test.ts'],
  koa: ['sessions.ts', 'app.ts', 'server.ts', 'test/app.test.ts'],
  hono: ['sessions.ts', 'app.ts', 'server.ts', 'test/app.test.ts'],
  'node-http': ['sessions.ts', 'app.ts', 'server.ts', 'test/app.test.ts'],
  sveltekit: ['src/lib/server/sessions.ts', 'src/hooks.server.ts', 'src/app.d.ts'],
  'react-router': ['app/sessions.server.ts', 'app/session-context.ts', 'app/root.tsx'],
}

/** What the guide to stores shows, of a directory that the test beside it runs. */
const OWN_STORE = ['json-file.ts', 'whole-file.ts']

/** The same of the guide to access tokens. */
const ACCESS_TOKENS = ['shop.ts', 'orders.ts']

/** What the guide to bound tokens shows; the test beside that directory runs it. */
const BOUND_TOKENS = ['server.ts', 'accounts.ts', 'client.ts']

/** What the guide to API keys shows, of a directory of the Express example that the test beside it runs. */
const API_KEYS = ['app.ts']

/** What the guide to clients with tokens shows, of a directory that the test beside it runs. */
const MOBILE = ['shop.ts', 'phone.ts']

/** What the guide to the browser client shows, likewise. */
const BROWSER_CLIENT = ['server.ts', 'page.ts']

const HEADINGS = [
  'Install',
  'The application',
  'Reading and writing the session',
  'Log in and out',
  'Guarding routes',
  'Forms and CSRF',
  'Errors',
  'Streaming and late writes',
  'Behind a proxy',
  'WebSockets',
  'Testing',
  'Pitfalls',
]

const names = Object.keys(GUIDES)
const files = repositoryFiles()

describe('the guides to frameworks', () => {
  it.each(names)('%s has the same headings as the others', (name) => {
    const text = readText(`docs/guides/${name}.md`)
    expect([...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)).toEqual(HEADINGS)
  })

  it.each(names)('%s shows the files of its example word for word', (name) => {
    const blocks = namedBlocks(readText(`docs/guides/${name}.md`))
    expect([...blocks.keys()]).toEqual(expect.arrayContaining([...(GUIDES[name] ?? [])]))
    for (const [file, code] of blocks) expect(`${file}\n${code}`).toBe(`${file}\n${example(name, file)}`)
  })

  it('are all listed on the page of guides', () => {
    const index = readText('docs/guides/README.md')
    const guides = files.filter((path) => /^docs\/guides\/(?!README)[\w-]+\.md$/.test(path))
    expect(guides.filter((path) => !index.includes(`](${path.slice('docs/guides/'.length)})`))).toEqual([])
  })

  it('are about one application: what is no matter of the framework is the same file in each example', () => {
    for (const [file, copies] of Object.entries(SHARED)) {
      const model = example('express', file)
      const different = copies.filter((path) => readText(`examples/${path}`).trimEnd() !== model)
      expect({ file, different }).toEqual({ file, different: [] })
    }
  })
})

describe('the guide to a store of one’s own', () => {
  it.each(OWN_STORE)('shows %s word for word', (file) => {
    const blocks = namedBlocks(readText('docs/guides/own-store.md'))
    expect(blocks.get(file)).toBe(example('test/own-store', file))
  })
})

describe('the guide to access tokens', () => {
  it.each(ACCESS_TOKENS)('shows %s word for word', (file) => {
    const blocks = namedBlocks(readText('docs/guides/access-tokens.md'))
    expect(blocks.get(file)).toBe(example('test/access-tokens', file))
  })
})

describe('the guide to tokens that are bound to a key', () => {
  it.each(BOUND_TOKENS)('shows %s word for word', (file) => {
    const blocks = namedBlocks(readText('docs/guides/dpop.md'))
    expect(blocks.get(file)).toBe(example('test/dpop', file))
  })
})

describe('the guide to API keys', () => {
  it.each(API_KEYS)('shows %s word for word', (file) => {
    const blocks = namedBlocks(readText('docs/guides/api-keys.md'))
    expect(blocks.get(file)).toBe(example('express/test/api-keys', file))
  })
})

describe('the guide to apps on phones', () => {
  it.each(MOBILE)('shows %s word for word', (file) => {
    const blocks = namedBlocks(readText('docs/guides/mobile-and-spa.md'))
    expect(blocks.get(file)).toBe(example('test/mobile', file))
  })
})

describe('the guide to two domains', () => {
  it.each(['shop.ts', 'other.ts'])('shows %s word for word', (file) => {
    const blocks = namedBlocks(readText('docs/guides/two-domains.md'))
    expect(blocks.get(file)).toBe(example('test/two-domains', file))
  })
})

describe('the guide to single sign-on', () => {
  it.each(['provider.ts', 'app.ts'])('shows %s word for word', (file) => {
    const blocks = namedBlocks(readText('docs/guides/single-sign-on.md'))
    expect(blocks.get(file)).toBe(example('bff', file))
  })
})

describe('the guide to native apps', () => {
  it('shows app.ts word for word', () => {
    const blocks = namedBlocks(readText('docs/guides/native-apps.md'))
    expect(blocks.get('app.ts')).toBe(example('native-app', 'app.ts'))
  })

  it('is tested by the same visitor as the example of single sign-on', () => {
    expect(example('native-app', 'test/visitor.ts')).toBe(example('bff', 'test/visitor.ts'))
  })
})

describe('the guide to the browser client', () => {
  it.each(BROWSER_CLIENT)('shows %s word for word', (file) => {
    const blocks = namedBlocks(readText('docs/guides/browser-client.md'))
    expect(blocks.get(file)).toBe(example('test/browser-client', file))
  })
})

describe('the check of the guides', () => {
  it('takes blocks that begin with the name of a file, and their code without it', () => {
    const page = ['```ts', '// app/a.ts', 'a()', '```', '```sh', 'npm install', '```', '```tsx', 'b()', '```']
    expect([...namedBlocks(page.join('\n'))]).toEqual([['app/a.ts', 'a()']])
  })
})

const SERVERS = ['fastify', 'koa', 'hono', 'node-http']

/** Copies of files of the Express example, so that each example can be taken away as it is. */
const SHARED: Readonly<Record<string, readonly string[]>> = {
  'pages.ts': SERVERS.map((name) => `${name}/pages.ts`),
  'accounts.ts': [
    ...SERVERS.map((name) => `${name}/accounts.ts`),
    'sveltekit/src/lib/server/accounts.ts',
    'react-router/app/accounts.server.ts',
  ],
  'sessions.ts': [
    ...SERVERS.map((name) => `${name}/sessions.ts`),
    'sveltekit/src/lib/server/sessions.ts',
    'react-router/app/sessions.server.ts',
  ],
}

function example(name: string, file: string): string {
  return readText(`examples/${name}/${file}`).trimEnd()
}

/** Code by the file that it is said to be: blocks whose first line is a comment with a path. */
function namedBlocks(page: string): Map<string, string> {
  const found = page.matchAll(/^```(?:ts|tsx)\b[^\n]*\n\/\/ ([\w@$+./-]+\.tsx?)\n(.*?)\n```$/gms)
  return new Map([...found].map(([, file = '', code = '']) => [file, code]))
}
