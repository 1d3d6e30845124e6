import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fillRecords, userOfTen } from '../fill.ts'
import { FilledStore } from '../filled-store.ts'
import { FIELDS } from '../fixture.ts'
import { cacheModes } from '../modes/cache.ts'
import { networkModes } from '../modes/network.ts'
import { type RunningEngine, startEngine } from '../process/engine.ts'
import { assertAnswers } from '../questions/answers.ts'
import { measureOnTop } from '../questions/on-top.ts'
import { totalOf } from '../statistics.ts'

describe('modes on PostgreSQL', () => {
  let server: RunningEngine

  beforeAll(async () => {
    server = await startEngine('PostgreSQL', {})
  }, 60_000)

  afterAll(() => server.stop())

  const modes = [...new Set([...networkModes, ...cacheModes])].filter(({ engine }) => engine === 'PostgreSQL')

  it.each(modes)('know who is asking and nobody else: $name', async (mode) => {
    const running = await mode.start({ scale: 0, sample: 3, engines: { PostgreSQL: server.url } })
    running.server.listen(0, '127.0.0.1')
    await once(running.server, 'listening')
    const url = `http://127.0.0.1:${(running.server.address() as AddressInfo).port}/`
    await assertAnswers({ mode, url, requests: running.requests })
    running.server.closeAllConnections()
    running.server.close()
    await running.close?.()
  })
})

describe('a store on PostgreSQL that is filled', () => {
  it('holds the sessions of each user, copies them to others, and takes room for their data at least', async () => {
    const filled = await FilledStore.open('PostgreSQL')
    try {
      await fillRecords(filled.sessions, { count: 20, data: FIELDS, userOf: userOfTen })
      expect((await filled.sessions.list(userOfTen(19))).sessions).toHaveLength(10)
      await filled.copy(3)
      expect((await filled.sessions.list(`${userOfTen(19)}.3`)).sessions).toHaveLength(10)
      const { parts, data } = await measureOnTop(filled, 500)
      expect(totalOf(parts)).toBeGreaterThan(data)
    } finally {
      await filled.close()
    }
  }, 60_000)
})
