import { describe, expect, it } from 'vitest'
import { HTTP_STATUS } from '../../packages/coatcheck/src/core/errors.ts'
import { LIBRARY } from './entries.ts'
import { parseSource, readText } from './sources.ts'

const ERRORS = `${LIBRARY}/src/core/errors.ts`
const codes = [...parseSource(ERRORS, readText(ERRORS)).strings]
  .filter((text) => text.startsWith('ERR_'))
  .sort()
const documented = sections(readText('docs/errors.md'))

describe('docs/errors.md', () => {
  it('has one section per error code and none for a code that does not exist', () => {
    expect(documented.map((section) => section.code).sort()).toEqual(codes)
  })

  it('names the HTTP status of each code', () => {
    const statuses = Object.fromEntries(documented.map((section) => [section.code, section.status]))
    expect(statuses).toEqual(Object.fromEntries(codes.map((code) => [code, statusOf(code)])))
  })

  it('says for each code what it means and what to do', () => {
    const thin = documented
      .filter((section) => section.text.split(/\s+/).length < 20)
      .map((section) => section.code)
    expect(thin).toEqual([])
  })
})

interface Section {
  readonly code: string
  readonly status: number | null
  readonly text: string
}

function sections(markdown: string): Section[] {
  const [, ...parts] = markdown.split(/^#+ (?=`ERR_)/m)
  return parts.map((part) => {
    const [heading = '', ...rest] = part.split('\n')
    const text = rest.join('\n').replace(/^#.*/ms, '')
    const status = /^HTTP (\d{3})/m.exec(text)?.[1]
    return { code: heading.replaceAll('`', '').trim(), status: status ? Number(status) : null, text }
  })
}

function statusOf(code: string): number {
  const known: Readonly<Record<string, number | undefined>> = HTTP_STATUS
  return known[code] ?? 500
}
