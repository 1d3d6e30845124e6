import { type FileHandle, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreError } from 'coatcheck'

/** What the file has, `null` where there is none. */
export async function readJson<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    const isNoJson = cause instanceof SyntaxError
    throw new StoreError(
      isNoJson ? 'ERR_STORE_CORRUPT' : 'ERR_STORE_UNAVAILABLE',
      `The session file ${path} ${isNoJson ? 'is no JSON' : 'cannot be read'}.`,
      { cause, retryable: false },
    )
  }
}

/** Afterwards the file has all of the content, or what it had before: also where the power fails in between. */
export async function replaceJson(path: string, content: unknown): Promise<void> {
  try {
    const draft = `${path}.new`
    await synced(draft, 'w', (file) => file.writeFile(JSON.stringify(content)))
    await rename(draft, path)
    await synced(dirname(path), 'r', async () => {})
  } catch (cause) {
    // Memory has the change, and so will the file once it can be written: it is not to be made again.
    throw new StoreError('ERR_STORE_UNAVAILABLE', `The session file ${path} cannot be written.`, {
      cause,
      retryable: false,
    })
  }
}

async function synced(
  path: string,
  flags: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags, 0o600)
  try {
    await write(file)
    await file.sync()
  } finally {
    await file.close()
  }
}
