import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { twoProcessesCases } from './two-processes-cases.ts'

const dataDirectory = mkdtempSync(join(tmpdir(), 'coatcheck-server-'))
afterAll(() => rmSync(dataDirectory, { recursive: true, force: true }))

twoProcessesCases('SQLite', async () => ({ dataDirectory }))
