import { accessSync, chmodSync, constants, lstatSync, mkdirSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { codeOf, StartError } from '../start-error.ts'

const WRITABLE_BY_ALL = 0o002
const ROOT = 0

/**
 * Makes the data directory for this user alone, or makes sure that nobody else could have put something into the one there is:
 * whoever can replace a database or a socket in it has the server.
 */
export function prepareDataDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new StartError(`The data directory ${path} cannot be used (${codeOf(error)}).`)
  }
  const { mode, uid } = statSync(path)
  const own = userInfo().uid
  // Windows has neither.
  if (own === -1) return
  if ((mode & WRITABLE_BY_ALL) !== 0) {
    throw new StartError(`The data directory ${path} can be written to by every user: chmod 700 it.`)
  }
  if (uid !== own && uid !== ROOT) {
    throw new StartError(
      `The data directory ${path} belongs to another user (uid ${uid}): choose one of your own.`,
    )
  }
}

/** What SQLite and the store keep beside a database, by the end of the name. */
const BESIDE = ['', '-wal', '-shm', '-reserve']

/** Path of a database in the data directory. A link in its place is refused; a file that others could read is closed to them. */
export function databaseFile(directory: string, name: string): string {
  const path = join(directory, name)
  for (const file of BESIDE.map((end) => path + end)) {
    const status = lstatSync(file, { throwIfNoEntry: false })
    if (status?.isFile() === false) {
      throw new StartError(`${file} must be a file itself, not a link or anything else.`)
    }
    if (status && (status.mode & 0o077) !== 0) chmodSync(file, 0o600)
  }
  return path
}
