import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { REFUSALS } from '../../src/api/schemas.ts'
import { SERVICE_SCOPES } from '../../src/api/scopes.ts'

const ROOT = new URL('../../../../', import.meta.url)
const guide = read('docs/guides/session-api.md')

describe('the guide to the session API', () => {
  it.each(['curl/journey.sh', 'python/coatcheck.py'])('shows %s word for word', (file) => {
    expect(guide).toContain(`\n${read(`examples/server-clients/${file}`)}\`\`\``)
  })

  it('has a row for every scope and every refusal', () => {
    for (const name of [...Object.keys(SERVICE_SCOPES), ...REFUSALS])
      expect(guide).toContain(`| \`${name}\` |`)
  })

  it('names every call of the description', () => {
    const { paths } = JSON.parse(read('packages/server/openapi.json')) as { paths: Record<string, object> }
    const calls = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(calls.filter((call) => !guide.includes(call))).toEqual([])
  })
})

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}
