import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  type Stats,
  statfsSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError, StoreError } from '../../core/errors.ts'

/**
 * File systems on which the locks and the shared memory of SQLite's write-ahead log do not hold between machines
 * (https://sqlite.org/wal.html, section 1), by the magic number of Linux' statfs(2). FUSE is not among them: it also
 * carries local disks, in Docker Desktop for one.
 */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9P'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x564c, 'NCP'],
  [0x00c36400, 'Ceph'],
  [0x47504653, 'GPFS'],
  [0x0bd00bd0, 'Lustre'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x19830326, 'BeeGFS'],
  [0x786f4256, 'VirtualBox shared folder'],
])

/** Name of the network file system with this statfs type, or `null` for a local one. */
export function networkFileSystem(type: number): string | null {
  return NETWORK_FILE_SYSTEMS.get(type >>> 0) ?? null
}

/** Name of the network file system behind a path by its spelling alone: a Windows share. */
export function networkShare(path: string): string | null {
  return /^[\\/]{2}[^\\/?.]/.test(path) ? 'network share' : null
}

/**
 * Makes sure that a database can live at `path` (absolute): creates missing directories (0700) and the file (0600; the
 * `-wal` and `-shm` files take over its mode), refuses network file systems, directories and files without write access.
 *
 * An existing file is only looked at by name. Opening and closing it here would drop the POSIX locks that SQLite holds
 * on it for another store of this process (https://sqlite.org/howtocorrupt.html, section 2.2).
 */
export function prepareFile(path: string, options: { readonly allowNetwork: boolean }): void {
  const directory = dirname(path)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (!options.allowNetwork) refuseNetwork(path, directory)
  if (!existsSync(path)) createFile(path)
  if (!statSync(path).isFile()) {
    throw new ConfigError('ERR_OPTION', `The path of the session database, ${path}, is not a file.`)
  }
  accessSync(path, constants.R_OK | constants.W_OK)
  // The write-ahead log is created and removed beside the file.
  accessSync(directory, constants.W_OK | constants.X_OK)
}

/** Tells one file from another of the same name. */
export function identityOf(path: string): string {
  const { dev, ino }: Stats = statSync(path)
  return `${dev}:${ino}`
}

/** Throws when the name leads to another file than the one that was opened: writes to it would be lost unnoticed. */
export function assertSameFile(path: string, identity: string): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats && `${stats.dev}:${stats.ino}` === identity) return
  throw new StoreError(
    'ERR_STORE_UNAVAILABLE',
    `The session database ${path} was moved, deleted or replaced while in use: put it back or restart.`,
    { retryable: true },
  )
}

function refuseNetwork(path: string, directory: string): void {
  const name = networkShare(path) ?? networkFileSystem(statfsSync(directory).type)
  if (name === null) return
  throw new StoreError(
    'ERR_STORE_FILESYSTEM',
    `The session database ${path} is on a network file system (${name}), where SQLite's locks do not hold: use a local disk, or a network store such as coatcheck/redis; unsafeAllowNetworkFilesystem overrides this.`,
    { retryable: true },
  )
}

function createFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    // Another process was first, which is as good.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
