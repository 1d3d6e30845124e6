import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { describeHandOff } from './hand-off-on-stores.ts'

const directory = mkdtempSync(join(tmpdir(), 'coatcheck-hand-off-'))
afterAll(() => rmSync(directory, { recursive: true }))

describeHandOff('sqlite', () => join(directory, 'sessions.db'))
