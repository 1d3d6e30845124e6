import { testAuthority } from '../helpers/test-server.ts'
import { adminApiCases } from './admin-cases.ts'

adminApiCases('SQLite', () => testAuthority())
