import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const guide = readFileSync(new URL('../../../docs/guides/next.md', import.meta.url), 'utf8')
const blocks = [...guide.matchAll(/^```tsx?\n\/\/ (\S+)\n(.*?)^```$/gms)].map(([, file = '', code = '']) => ({
  file,
  code,
}))

describe('docs/guides/next.md', () => {
  it('shows files of the example', () => {
    expect(blocks.map(({ file }) => file)).toContain('lib/sessions.ts')
  })

  it.each(blocks)('shows $file as it is', ({ file, code }) => {
    const source = new URL(`../${file}`, import.meta.url)
    expect(existsSync(source)).toBe(true)
    expect(readFileSync(source, 'utf8')).toContain(code)
  })
})
