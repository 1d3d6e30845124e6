import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { RULES } from '../../src/audit/session-events.ts'

it('every entry that an event of the library becomes is in docs/server/operations.md', () => {
  const page = readFileSync(new URL('../../../../docs/server/operations.md', import.meta.url), 'utf8')
  const missing = Object.values(RULES)
    .map(({ participle }) => participle)
    .filter(
      (participle) =>
        !page.includes(`\`session.${participle}\``) && !page.includes(`\`api-key.${participle}\``),
    )
  expect(missing).toEqual([])
})
