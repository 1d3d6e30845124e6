import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** One text in a file of the library that is put in the place of another. */
export type Edit = readonly [file: string, from: string, to: string]

export interface MutatedSources {
  import(file: string): Promise<unknown>
  remove(): void
}

const SOURCES = fileURLToPath(new URL('../../src', import.meta.url))

/** A copy of the library with something simplified. What is to be replaced must be there exactly once. */
export function mutateSources(edits: readonly Edit[]): MutatedSources {
  const directory = mkdtempSync(join(tmpdir(), 'coatcheck-mutant-'))
  cpSync(SOURCES, directory, { recursive: true })
  for (const [file, from, to] of edits) {
    const path = join(directory, file)
    const parts = readFileSync(path, 'utf8').split(from)
    if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${from}`)
    writeFileSync(path, parts.join(to))
  }
  return {
    import: (file) => import(pathToFileURL(join(directory, file)).href),
    remove: () => rmSync(directory, { recursive: true }),
  }
}
