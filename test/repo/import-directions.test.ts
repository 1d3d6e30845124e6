import { describe, expect, it } from 'vitest'
import { forbiddenImports, importCycles } from './import-rules.ts'
import { parseSource, repositorySources } from './sources.ts'

const sources = repositorySources()

describe('imports', () => {
  it('go from outer layers to inner ones only', () => {
    expect(forbiddenImports(sources)).toEqual([])
  })

  it('make no cycle, types included', () => {
    expect(importCycles(sources)).toEqual([])
  })

  it('name files that exist', () => {
    const paths = new Set(sources.map((source) => source.path))
    const missing = sources.flatMap((source) =>
      source.imports.flatMap(({ file }) =>
        file?.endsWith('.ts') && !paths.has(file) ? [`${source.path}: ${file}`] : [],
      ),
    )
    expect(missing).toEqual([])
  })
})

describe('the rules of imports', () => {
  it.each([
    ['core/a.ts', `import { openStore } from '../stores/sqlite.ts'`, 'core may not import stores'],
    ['core/a.ts', `export type { Exchange } from '../http/exchange.ts'`, 'core may not import http'],
    ['core/a.ts', `type X = import('../http/exchange.ts').Exchange`, 'core may not import http'],
    ['core/a.ts', `const fs = await import('node:fs')`, 'no module of Node here'],
    ['http/a.ts', `import { createHash } from 'node:crypto'`, 'no module of Node here'],
    ['index.ts', `export { memory } from './stores/memory.ts'`, 'index may not import stores'],
    [
      'adapters/a.ts',
      `import { UsageError } from '../core/errors.ts'`,
      'adapters may import types only from core',
    ],
    ['adapters/a.ts', `import 'express'\nimport 'koa'`, 'more than one package: express, koa'],
    ['testing/a.ts', `import { sqlite } from '../stores/sqlite.ts'`, 'testing may not import stores'],
    ['store-testing/a.ts', `import { x } from '../http/session.ts'`, 'store-testing may not import http'],
    [
      'store-testing/a.ts',
      `import './exchanges/a.ts'`,
      'store-testing may not import store-testing/exchanges',
    ],
    ['store-testing/exchanges/a.ts', `import '../../stores/sqlite.ts'`, 'exchanges may not import stores'],
    ['client/a.ts', `import { isError } from '../core/errors.ts'`, 'client may import types only from core'],
    ['core/a.ts', `import { clock } from '../../test/clock.ts'`, 'leaves the library'],
    ['magic/a.ts', `export const a = 1`, `no layer is called 'magic'`],
  ])('refuse in %s: %s', (path, text, fault) => {
    expect(forbiddenImports([parseSource(`packages/coatcheck/src/${path}`, text)])).toEqual([
      expect.stringContaining(fault),
    ])
  })

  it('refuse examples that reach into the library past its entries', () => {
    const source = parseSource(
      'examples/shop/a.ts',
      `import { x } from '../../packages/coatcheck/src/index.ts'`,
    )
    expect(forbiddenImports([source])).toEqual([expect.stringContaining('leaves its package')])
  })

  it('let a test of an example, but not the example, look for the program that it starts', () => {
    const text = `import { requireEngine } from '../../../scripts/engines.ts'`
    expect(forbiddenImports([parseSource('examples/shop/test/a.chromium.test.ts', text)])).toEqual([])
    expect(forbiddenImports([parseSource('examples/shop/src/a.ts', text)])).toHaveLength(1)
  })

  it('allow types of core in an adapter, and the memory store in testing', () => {
    const adapter = parseSource(
      'packages/coatcheck/src/adapters/a.ts',
      `import { type X } from '../core/store.ts'`,
    )
    const testing = parseSource(
      'packages/coatcheck/src/testing/a.ts',
      `import { memory } from '../stores/memory.ts'`,
    )
    expect(forbiddenImports([adapter, testing])).toEqual([])
  })

  it('find a cycle of three files, one link of it a type', () => {
    const sources = [
      parseSource('a.ts', `import { b } from './b.ts'`),
      parseSource('b.ts', `import type { C } from './c.ts'`),
      parseSource('c.ts', `export * from './a.ts'`),
      parseSource('d.ts', `import './a.ts'`),
    ]
    expect(importCycles(sources)).toEqual(['a.ts → b.ts → c.ts → a.ts'])
  })
})
