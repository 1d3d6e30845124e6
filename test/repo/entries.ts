import { join } from 'node:path/posix'
import { readText } from './sources.ts'

export const LIBRARY = 'packages/coatcheck'

/** One public entry of the library. */
export interface Entry {
  /** As it is imported: `coatcheck/memory`. */
  readonly name: string
  /** Its source relative to the root. */
  readonly source: string
  /** Its built module relative to the package. */
  readonly built: string
}

/** The entries named in `exports` of the library's manifest, in its order. */
export function libraryEntries(): Entry[] {
  const manifest = JSON.parse(readText(`${LIBRARY}/package.json`)) as { exports: Record<string, unknown> }
  return Object.entries(manifest.exports).flatMap(([path, conditions]) => {
    if (typeof conditions === 'string') return []
    const { 'coatcheck-source': source, default: built } = conditions as Record<string, string>
    if (!source || !built) throw new Error(`exports['${path}'] lacks coatcheck-source or default.`)
    return [{ name: join('coatcheck', path), source: join(LIBRARY, source), built }]
  })
}
