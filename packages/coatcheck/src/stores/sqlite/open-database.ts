import { type DatabaseSettings, MEMORY, openReader } from './connections.ts'
import { toFailure } from './failures.ts'
import { InlineWriter } from './inline-writer.ts'
import { Reader } from './reader.ts'
import { ThreadWriter } from './thread-writer.ts'
import type { Writer } from './writer.ts'

/** Both sides of an open database. */
export interface OpenDatabase {
  readonly reader: Reader
  readonly writer: Writer
  /** Waits for writes under way. */
  close(): Promise<void>
}

/** Opens the database for reading in this thread and writing in another; one in memory for both in this one. */
export function openDatabase(settings: DatabaseSettings): Promise<OpenDatabase> {
  return settings.path === MEMORY ? openInMemory(settings) : openFile(settings)
}

async function openInMemory(settings: DatabaseSettings): Promise<OpenDatabase> {
  const writer = new InlineWriter(settings)
  await writer.open()
  return { writer, reader: new Reader(writer.database, settings.path), close: () => writer.close() }
}

async function openFile(settings: DatabaseSettings): Promise<OpenDatabase> {
  const writer = new ThreadWriter(settings)
  await writer.open()
  try {
    const database = openReader(settings.path)
    const reader = new Reader(database, settings.path)
    const close = () => {
      // The writing connection goes last: only then can SQLite remove the log.
      database.close()
      return writer.close()
    }
    return { writer, reader, close }
  } catch (error) {
    await writer.close()
    throw toFailure(error, settings.path, true)
  }
}
