import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { requireEngine } from '../../../../scripts/engines.ts'
import { startExample } from './shop-journey.ts'

it('LIO-01 a script with curl signs a user in and out by the session API alone', async () => {
  expect(spawnSync(requireEngine('curl'), ['--version']).status).toBe(0)
  const { said, exited } = await startExample('shell', 'curl/journey.sh')
  await exited
  expect(said.text.split('\n')).toEqual([
    expect.stringMatching(/^signed in: session [\w-]{22}$/),
    'visit: ada',
    '"data":{"visits":1}',
    'signed out: __Host-sid=',
    'visit: no-session',
    '',
  ])
})
