import { openSqliteDatabase } from '../../src/storage/sqlite-database.ts'
import { auditTrailCases } from './audit-trail-cases.ts'

auditTrailCases('SQLite', async () => openSqliteDatabase(':memory:'))
