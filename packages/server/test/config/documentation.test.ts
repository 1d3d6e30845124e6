import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { configurationPage } from '../../src/config/documentation.ts'

it('docs/server/configuration.md is what scripts/configuration-page.ts makes of the settings', () => {
  const path = join(import.meta.dirname, '../../../../docs/server/configuration.md')
  expect(readFileSync(path, 'utf8')).toBe(configurationPage())
})
