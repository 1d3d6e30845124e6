import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSessions, isCoatcheckError, UsageError } from 'coatcheck'
import { describe, expect, it } from 'vitest'
import { LIFETIME_DEFAULTS } from '../src/core/lifetimes.ts'
import { CORE_DEFAULTS, CORE_KEYS } from '../src/core/options.ts'
import { CLIENT_CONTEXT_DEFAULTS } from '../src/http/client-context.ts'
import { COOKIE_DEFAULTS } from '../src/http/cookie-options.ts'
import { CSRF_DEFAULTS } from '../src/http/csrf.ts'
import { HTTP_DEFAULTS } from '../src/http/http-options.ts'
import { memory } from '../src/stores/memory.ts'
import { Browser } from './helpers/browser.ts'

describe('createSessions', () => {
  it('P12 works with a store and nothing else', async () => {
    const sessions = createSessions<{ visits: number }>({ store: memory() })
    const browser = new Browser(sessions)
    await browser.get((session) => session.add('visits', 1))
    await browser.post((session) => session.login('ada'))
    expect((await browser.get((session) => session.userId)).value).toBe('ada')
    expect((await sessions.list('ada')).sessions).toHaveLength(1)
    expect(await sessions.health()).toEqual({ ok: true })
    await sessions.close()
    expect((await sessions.health()).ok).toBe(false)
  })

  it('gives several instances under other names their own sessions in one store', async () => {
    const store = memory()
    const customers = createSessions({ store, name: 'customer' })
    const admins = createSessions({ store, name: 'admin' })
    const browser = new Browser(customers)
    await browser.post((session) => session.login('ada'))
    expect((await browser.get((session) => session.userId)).value).toBe('ada')
    expect((await browser.at(admins).get((session) => session.userId)).value).toBeNull()
    await customers.close()
  })

  it('refuses what cannot work at once, naming the option', () => {
    expect(() => createSessions({} as never)).toThrow('Option store is required')
    expect(() => createSessions({ store: memory(), idleTime: '5m' } as never)).toThrow(
      'Option idleTime does not exist',
    )
  })
})

describe('isCoatcheckError', () => {
  it('knows errors of ours, also of another copy of the package, and no others', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('coatcheck.error')]: true })
    expect([new UsageError('ERR_USAGE', 'x'), foreign].every(isCoatcheckError)).toBe(true)
    const others = [new Error('x'), { code: 'ERR_USAGE' }, null, undefined, 'ERR_USAGE']
    expect(others.some(isCoatcheckError)).toBe(false)
  })
})

describe('EXP-09 docs/options.md', () => {
  const rows = tableRows(readFileSync(join(import.meta.dirname, '../../../docs/options.md'), 'utf8'))
  const defaults = codeDefaults()

  it('has a row for every option that the code knows', () => {
    const documented = new Set(rows.flatMap(({ options }) => options))
    const known = [...CORE_KEYS.filter((key) => key !== 'lifetimes'), ...defaults.keys()]
    expect(known.filter((option) => !documented.has(option))).toEqual([])
  })

  it('names no option that does not exist', () => {
    for (const option of rows.flatMap(({ options }) => options)) {
      const [first = '', ...rest] = option.split('.')
      const value = rest.reduceRight<unknown>((inner, name) => ({ [name]: inner }), Symbol('wrong'))
      expect([
        option,
        messageOf(() => createSessions({ store: memory(), [first]: value } as never)),
      ]).not.toEqual([option, expect.stringContaining('does not exist')])
    }
  })

  it('tells the defaults that the code has', () => {
    const told = rows.flatMap(({ options, cell }) =>
      options.map((option) => [option, literalOf(cell)] as const),
    )
    expect(told.filter(([, value]) => value !== undefined).length).toBeGreaterThan(20)
    for (const [option, value] of told) {
      if (value !== undefined) expect([option, defaults.get(option)]).toEqual([option, value])
    }
  })

  it('tells a default wherever the code has one, if only that it is off', () => {
    for (const { options, cell } of rows) {
      for (const option of options) {
        const value = defaults.get(option)
        const isOff = value === false || (Array.isArray(value) && value.length === 0)
        if (value !== undefined && literalOf(cell) === undefined)
          expect([option, isOff, cell]).toEqual([option, true, 'off'])
      }
    }
  })
})

/** Every option that has a default in code, by its path. */
function codeDefaults(): ReadonlyMap<string, unknown> {
  const under = (path: string, table: object) =>
    Object.entries(table).map(([name, value]): [string, unknown] => [`${path}${name}`, value])
  const lifetimes = Object.entries(LIFETIME_DEFAULTS).map(([kind, { idle, absolute }]): [string, unknown] => [
    `lifetimes.${kind}`,
    { idle, absolute },
  ])
  return new Map([
    ...under('', CORE_DEFAULTS),
    ...lifetimes,
    ...under('', HTTP_DEFAULTS),
    ...under('cookie.', COOKIE_DEFAULTS),
    ...under('csrf.', CSRF_DEFAULTS),
    ...under('device.', CLIENT_CONTEXT_DEFAULTS),
  ])
}

interface Row {
  readonly options: readonly string[]
  readonly cell: string
}

function tableRows(page: string): Row[] {
  return page.split('\n').flatMap((line) => {
    const [, first, cell] = /^\| (`.+?`) \| (.*?) \|/.exec(line) ?? []
    if (first === undefined || cell === undefined) return []
    return [{ options: [...first.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''), cell }]
  })
}

/** The value of a cell that is nothing but code, `undefined` for one that is words. */
function literalOf(cell: string): unknown {
  const code = /^`([^`]+)`$/.exec(cell)?.[1]
  if (code === undefined) return undefined
  return JSON.parse(code.replaceAll("'", '"').replace(/(\w+):/g, '"$1":'))
}

function messageOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return (error as Error).message
  }
  return ''
}
