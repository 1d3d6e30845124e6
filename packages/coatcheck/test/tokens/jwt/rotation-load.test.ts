import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { rotateUnderLoad } from './rotation-load.ts'

it('JWT-15 rotations under load refuse nobody: two signing nodes, three services over HTTP, 10 s', async () => {
  const directory = fs.mkdtempSync(join(tmpdir(), 'coatcheck-load-'))
  try {
    const outcome = await rotateUnderLoad(join(directory, 'signing.keys'), 10_000)
    console.log(JSON.stringify({ ...outcome, refused: outcome.refused.length }))
    expect(outcome.refused).toEqual([])
    expect(outcome.rotations).toBeGreaterThanOrEqual(3)
    expect(outcome.verified).toBeGreaterThanOrEqual(outcome.signed * 9)
  } finally {
    fs.rmSync(directory, { recursive: true })
  }
})
