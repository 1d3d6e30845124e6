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
import { measureLag } from '../questions/revocation-lag.ts'
import { totalOf } from '../statistics.ts'

describe('modes on Redis', () => {
  let server: RunningEngine

  beforeAll(async () => {
    server = await startEngine('Redis', {})
  }, 60_000)

  afterAll(() => server.stop())

  const modes = [...new Set([...networkModes, ...cacheModes])].filter(({ engine }) => engine === 'Redis')

  it.each(modes)('know who is asking and nobody else: $name', async (mode) => {
    const running = await mode.start({ scale: 0, sample: 3, engines: { Redis: server.url } })
    running.server.listen(0, '127.0.0.1')
    await once(running.server, 'listening')
    const url = `http://127.0.0.1:${(running.server.address() as AddressInfo).port}/`
    await assertAnswers({ mode, url, requests: running.requests })
    running.server.closeAllConnections()
    running.server.close()
    await running.close?.()
  })
})

describe('the lag of an end', () => {
  it('is known for every session that one node ended and another one had in its near cache', async () => {
    const { lags, pings } = await measureLag('Redis', 3)
    expect(lags).toHaveLength(3)
    expect(lags.every((lag) => lag >= 0)).toBe(true)
    expect(pings.every((ping) => ping > 0)).toBe(true)
  }, 60_000)
})

describe('a store on Redis that is filled', () => {
  it('holds the sessions of each user, and takes room for their data at least', async () => {
    const filled = await FilledStore.open('Redis')
    try {
      await fillRecords(filled.sessions, { count: 20, data: FIELDS, userOf: userOfTen })
      expect((await filled.sessions.list(userOfTen(19))).sessions).toHaveLength(10)
      const { parts, data } = await measureOnTop(filled, 500)
      expect(totalOf(parts)).toBeGreaterThan(data)
    } finally {
      await filled.close()
    }
  }, 60_000)
})
