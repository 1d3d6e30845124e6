import { describe, expect, it } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { createTestSessions } from '../../src/testing/index.ts'

describe('a probe by the manager', () => {
  it('comes back behind every change that was made before it', async () => {
    const sessions = createSessions({ store: sqlite(':memory:'), nearCache: true })
    await sessions.open()
    const heard: string[] = []
    sessions.manager.listeners.add({
      changed: () => {},
      userChanged: (userId) => heard.push(userId),
      everyoneChanged: () => {},
      lost: () => {},
    })
    await sessions.revokeUser('ada')
    sessions.manager.probe((partitions) => heard.push(`echo of ${partitions ?? 'all'}`))
    expect(heard).toContain('ada')
    expect(heard.at(-1)).toBe('echo of all')
    await sessions.close()
  })

  it('has no echo without a near cache', async () => {
    const { sessions } = createTestSessions({ nearCache: false })
    await sessions.open()
    sessions.manager.probe(() => expect.unreachable())
  })
})
