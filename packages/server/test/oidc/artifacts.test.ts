import { join } from 'node:path'
import { describe, onTestFinished } from 'vitest'
import { openSqliteDatabase } from '../../src/storage/sqlite-database.ts'
import { temporaryDirectory } from '../helpers/test-server.ts'
import { artifactCases } from './artifacts.cases.ts'

describe('artefacts in SQLite', () => {
  artifactCases(async () => {
    const database = openSqliteDatabase(join(temporaryDirectory(), 'server.db'))
    onTestFinished(() => database.close())
    return database
  })
})
