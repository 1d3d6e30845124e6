import {
  missingRequirement,
  runStoreCase,
  runStoreContract,
  type StoreHarness,
  storeContractCases,
} from 'coatcheck/store-testing'
import { describe, expect, it } from 'vitest'
import { memoryHarness } from '../stores/memory-harness.ts'
import { RunningEnvironment, SharedMemory } from './shared-memory.ts'

describe('the contract suite', () => {
  it('has a sentence of its own for each case', () => {
    const names = storeContractCases.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  it('skips nothing on a durable store with several handles, which passes', async () => {
    const summary = await runStoreContract(() => new SharedMemory())
    expect(summary).toEqual({ passed: storeContractCases.length, failed: [], skipped: 0 })
  })

  it('passes on a clock that runs on by itself, to the precision that the harness names', async () => {
    const open = () => new SharedMemory({ environment: new RunningEnvironment(), precision: 2_000 })
    expect((await runStoreContract(open)).failed).toEqual([])
  })

  it('fails a durable store that forgets when it is closed', async () => {
    const { failed } = await runStoreContract(() => new SharedMemory({ forgetful: true }))
    expect(failed.map(({ name }) => name)).toEqual([
      'P1 what was acknowledged is there after the store was closed and opened again',
      'P1 an end of everyone holds after the store was closed and opened again',
      'P1 what was adopted and buried is there after the store was closed and opened again',
    ])
  })

  it('fails a store of which one handle closes all', async () => {
    const { failed } = await runStoreContract(() => new SharedMemory({ closesAll: true }))
    expect(failed.map(({ name }) => name)).toContain('close of one handle leaves the others at work')
  })
})

describe('the runner', () => {
  const broken = async (): Promise<StoreHarness> => {
    throw new Error('the engine does not start')
  }

  it('runs only the cases that are asked for, and reports each', async () => {
    const seen: string[] = []
    const summary = await runStoreContract(memoryHarness, {
      only: /^EXP-10 .* sweep /g,
      onResult: ({ name, status }) => seen.push(`${status}: ${name}`),
    })
    expect(summary).toEqual({ passed: 1, failed: [], skipped: 0 })
    expect(seen).toEqual([
      'passed: EXP-10 a session that sweep has found past its deadline stays dead when the clock steps back',
    ])
  })

  it('reports a harness that cannot be made as a failure of each case', async () => {
    const { failed, passed } = await runStoreContract(broken, { only: /^health/ })
    expect(passed).toBe(0)
    expect(failed.map(({ error }) => String(error))).toEqual([
      'Error: the engine does not start',
      'Error: the engine does not start',
    ])
  })

  it('skips what the harness cannot do and says what is missing', async () => {
    const { stepBack: _, ...rest } = await memoryHarness()
    const [storeCase] = storeContractCases.filter(({ requires }) => requires.includes('step-back'))
    if (!storeCase) throw new Error('no case steps the clock back')
    expect(await missingRequirement(storeCase, rest)).toBe('step-back')
    const result = await runStoreCase(storeCase, () => rest)
    expect(result).toEqual({ name: storeCase.name, status: 'skipped', missing: 'step-back' })
  })

  it('disposes of each harness, also where the case fails', async () => {
    let disposed = 0
    const failing = async (): Promise<StoreHarness> => ({
      open: () => Promise.reject(new Error('locked')),
      advance: () => {},
      tombstoneRetention: 1_000,
      dispose: () => {
        disposed++
      },
    })
    await runStoreContract(failing, { only: /^health of an open/ })
    expect(disposed).toBe(1)
  })
})
