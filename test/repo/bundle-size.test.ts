import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { describe, expect, it } from 'vitest'
import { workspaceRoot } from '../../scripts/workspace.ts'
import { type Entry, libraryEntries } from './entries.ts'

/** Most bytes that an entry may weigh: bundled with what it imports of ours, minified and gzipped. Raised only for a reason. */
const CEILINGS: Readonly<Record<string, number>> = {
  coatcheck: 40_000,
  'coatcheck/memory': 8_000,
  'coatcheck/sqlite': 22_000,
  'coatcheck/redis': 28_000,
  'coatcheck/postgres': 20_000,
  'coatcheck/moving': 7_000,
  'coatcheck/fetch': 16_000,
  'coatcheck/node': 18_000,
  'coatcheck/express': 18_000,
  'coatcheck/fastify': 18_000,
  'coatcheck/koa': 18_000,
  'coatcheck/hono': 18_000,
  'coatcheck/next': 18_500,
  'coatcheck/tokens': 50_000,
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

async function gzippedBytes(entry: Entry): Promise<number> {
  const bundle = await rolldown({
    input: join(workspaceRoot, entry.source),
    external: (specifier) => !/^[./]/.test(specifier),
    platform: 'node',
  })
  const { output } = await bundle.generate({ format: 'esm', minify: true })
  const code = output.map((chunk) => (chunk.type === 'chunk' ? chunk.code : '')).join('')
  return gzipSync(code, { level: 9 }).length
}
