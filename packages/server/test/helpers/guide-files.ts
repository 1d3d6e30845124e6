import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { workspaceRoot } from '../../../../scripts/workspace.ts'

/** Files that a guide shows: blocks that begin with a comment that holds nothing but a name. */
export function guideFiles(guide: string): ReadonlyMap<string, string> {
  const page = readFileSync(join(workspaceRoot, 'docs/guides', `${guide}.md`), 'utf8')
  const found = page.matchAll(/^```\w+\n# ([\w./-]+)\n(.*?)\n```$/gms)
  return new Map([...found].map(([, name = '', text = '']) => [name, `${text}\n`]))
}

/** Puts files of a guide into a directory, with other addresses in place of its own; a name that the guide does not show throws. */
export function writeGuideFiles(
  directory: string,
  files: ReadonlyMap<string, string>,
  names: readonly string[],
  addresses: Readonly<Record<string, string>>,
): void {
  for (const name of names) {
    const text = files.get(name)
    if (text === undefined) throw new Error(`The guide shows no ${name}.`)
    const path = join(directory, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, replaced(text, addresses))
  }
}

function replaced(text: string, addresses: Readonly<Record<string, string>>): string {
  const all = Object.keys(addresses)
  if (all.length === 0) return text
  const pattern = new RegExp(`(?:${all.join('|')})(?!\\d)`, 'g')
  return text.replaceAll(pattern, (address) => addresses[address] ?? address)
}
