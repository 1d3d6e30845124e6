import { describe, expect, it } from 'vitest'
import { workspaceRoot } from '../../scripts/workspace.ts'
import { tsc } from './compile.ts'

describe('types', () => {
  it('hold in the whole workspace, type tests (*.test-d.ts) included', () => {
    expect(tsc(['-p', 'tsconfig.json'], workspaceRoot)).toEqual([])
  })
})
