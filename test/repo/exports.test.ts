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

function exportedNames(source: string): { values: string[]; types: string[] } {
  const { exports } = parseSource(source, readText(source))
  const names = (typeOnly: boolean) =>
    exports.filter((one) => one.typeOnly === typeOnly).map((one) => one.name)
  return { values: names(false).sort(), types: names(true).sort() }
}
