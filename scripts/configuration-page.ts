import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configurationPage } from '../packages/server/src/config/documentation.ts'
import { workspaceRoot } from './workspace.ts'

// `npm run settings`: writes the reference page of the server's settings; a test compares them.
writeFileSync(join(workspaceRoot, 'docs/server/configuration.md'), configurationPage())
