import { dirname, join } from 'node:path/posix'
import { describe, expect, it } from 'vitest'
import { libraryEntries } from './entries.ts'
import { parseSource, readText } from './sources.ts'

const entries = libraryEntries()

describe('public entries', () => {
  // A change of what users can import is a decision: review the difference, then `npm test -- test/repo/exports.test.ts -u`.
  it('export exactly the names of the checked-in list', async () => {
    const list = entries.map((entry) => [entry.name, exportedNames(entry.source)])
    await expect(`${JSON.stringify(Object.fromEntries(list), null, 2)}\n`).toMatchFileSnapshot(
      'exports.snap.json',
    )
  })

  it.each(entries)('$name has the listed values at run time', async ({ name, source }) => {
    const loaded = (await import(name)) as Record<string, unknown>
    expect(Object.keys(loaded).sort()).toEqual(exportedNames(source).values)
  })
})

interface Names {
  readonly values: readonly string[]
  readonly types: readonly string[]
}

/** What a module exports; `export *` counts as the names that it stands for. */
function exportedNames(path: string): Names {
  const { exports } = parseSource(path, readText(path))
  const values = new Set<string>()
  const types = new Set<string>()
  for (const { name, typeOnly, from } of exports) {
    const inner =
      name === '*' && from ? exportedNames(join(dirname(path), from)) : { values: [name], types: [] }
    for (const one of inner.values) (typeOnly ? types : values).add(one)
    for (const one of inner.types) types.add(one)
  }
  return { values: [...values].sort(), types: [...types].sort() }
}
