import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { oauthKillCases } from './oauth-kill-cases.ts'

const dataDirectory = mkdtempSync(join(tmpdir(), 'coatcheck-server-'))
afterAll(() => rmSync(dataDirectory, { recursive: true, force: true }))

oauthKillCases('SQLite', async () => ({ dataDirectory }))
