import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { describe, expect, it } from 'vitest'
import { workspaceRoot } from '../../scripts/workspace.ts'
import { type Entry, libraryEntries } from './entries.ts'

/** Most bytes that an entry may weigh: bundled with what it imports of ours, minified without hints for other bundlers, and gzipped. Raised only for a reason. */
const CEILINGS: Readonly<Record<string, number>> = {
  coatcheck: 46_200,
  'coatcheck/memory': 8_000,
  'coatcheck/sqlite': 22_000,
  'coatcheck/redis': 28_000,
  'coatcheck/postgres': 20_000,
  'coatcheck/moving': 7_000,
  'coatcheck/fetch': 18_500,
  'coatcheck/node': 21_500,
  'coatcheck/express': 20_500,
  'coatcheck/fastify': 22_000,
  'coatcheck/koa': 20_500,
  'coatcheck/hono': 21_500,
  'coatcheck/next': 20_500,
  'coatcheck/tokens': 50_000,
  'coatcheck/relying-party': 33_000,
  // 6 kB, with both modes and DPoP.
  'coatcheck/client': 6_000,
  'coatcheck/testing': 40_000,
  'coatcheck/store-testing': 100_000,
}

describe('the weight of entries', () => {
  it.each(libraryEntries())('$name stays below its ceiling', async (entry) => {
    const ceiling = CEILINGS[entry.name]
    const bytes = await gzippedBytes(entry)
    console.log(`${entry.name}: ${bytes} bytes gzipped of at most ${ceiling}`)
    expect(ceiling, `CEILINGS has no row for ${entry.name}`).toBeDefined()
    expect(bytes).toBeLessThanOrEqual(ceiling ?? 0)
    expect(bytes).toBeGreaterThan(0)
  })
})

describe('the weight of the browser client in cookie mode', () => {
  it('stays below 4 kB where nothing else of the entry is imported', async () => {
    const entry = libraryEntries().find(({ name }) => name === 'coatcheck/client')
    const bytes = await gzippedBytes(entry as Entry, 'createCookieClient')
    console.log(`createCookieClient: ${bytes} bytes gzipped of at most 4000`)
    expect(bytes).toBeLessThanOrEqual(4_000)
    expect(bytes).toBeGreaterThan(1_000)
  })
})

/** Of the entry, or of one name that is imported from it. */
async function gzippedBytes(entry: Entry, name?: string): Promise<number> {
  const source = join(workspaceRoot, entry.source)
  const importer = `export { ${name} } from ${JSON.stringify(source)}`
  const virtual = {
    name: 'importer',
    resolveId: (id: string) => (id === './importer' ? id : null),
    load: (id: string) => (id === './importer' ? importer : null),
  }
  const bundle = await rolldown({
    input: name === undefined ? source : './importer',
    plugins: [virtual],
    external: (specifier) => !/^[./]/.test(specifier),
    platform: 'node',
  })
  const { output } = await bundle.generate({ format: 'esm', minify: true, comments: false })
  const code = output.map((chunk) => (chunk.type === 'chunk' ? chunk.code : '')).join('')
  return gzipSync(code, { level: 9 }).length
}
