import { closeSync, fsyncSync, mkdtempSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * Writes a file that only this user can read, in the place of whatever is there: it is made in a directory that nobody else
 * can enter, and moved, so that a symbolic link is replaced and not followed.
 */
export function writePrivateFile(path: string, content: string): void {
  const directory = mkdtempSync(join(dirname(path), '.w'))
  try {
    const draft = join(directory, 'draft')
    const file = openSync(draft, 'wx', 0o600)
    try {
      writeSync(file, content)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(draft, path)
  } finally {
    rmSync(directory, { recursive: true })
  }
}
