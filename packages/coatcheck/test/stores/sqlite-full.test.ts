import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { SessionStore } from '../../src/core/store.ts'
import {
  newSession,
  replaceOptions,
  sessionElsewhere,
  sessionId,
  THERE,
  tombstoneElsewhere,
} from '../../src/store-testing/fixtures.ts'
import { useSqliteFile } from './sqlite-fixture.ts'
import { temporaryDirectory } from './sqlite-harness.ts'

const file = useSqliteFile()

describe('a full sqlite store', () => {
  it('refuses new sessions at maxFileBytes, reads and ends the others, and takes new ones again', async () => {
    const store = await file.open({ maxFileBytes: 200_000 })
    const made = await fill(store)
    expect(made).toBeGreaterThan(50)
    expect(await store.find(sessionId(0))).toMatchObject({ status: 'live' })
    expect(await store.endUser('user-1', { reason: 'revoked' })).toMatchObject({
      ended: { length: made / 2 },
    })
    for (let i = 1; i < made; i += 2) {
      expect(await store.end(sessionId(i), { reason: 'logout' })).toMatchObject({ outcome: 'ended' })
    }
    expect(await store.find(sessionId(1))).toMatchObject({ status: 'ended' })
    expect(await store.create(newSession(1_000_001))).toMatchObject({ outcome: 'ok' })
  })

  it('ends sessions also where their tombstones take more room than they did', async () => {
    const store = await file.open({ maxFileBytes: 200_000 })
    const made = await fill(store)
    const reason = 'x'.repeat(3_000)
    for (let i = 0; i < made; i++) {
      expect(await store.end(sessionId(i), { reason })).toMatchObject({ outcome: 'ended' })
    }
    expect(await store.find(sessionId(0))).toMatchObject({ tombstone: { reason } })
  })

  it('takes over no sessions, and only those ends that end a session here', async () => {
    const store = await file.open({ maxFileBytes: 200_000 })
    const made = await fill(store)
    const bury = (n: number) => {
      const userId = n < made ? `user-${(n % 2) + 1}` : null
      const tombstone = tombstoneElsewhere(sessionId(n), { userId, reason: 'x'.repeat(3_000) })
      return store.bury(tombstone, { now: THERE })
    }
    const full = { code: 'ERR_STORE_FULL', retryable: true }
    const large = sessionElsewhere(1_000_001, { data: { note: 'x'.repeat(50_000) } })
    await expect(store.adopt(large, { ifEpoch: null })).rejects.toMatchObject(full)
    for (let n = 2_000_000; ; n++) {
      const outcome = await bury(n).catch((error: unknown) => error)
      if (outcome instanceof Error) {
        expect(outcome).toMatchObject(full)
        break
      }
      expect(n).toBeLessThan(2_000_100)
    }
    for (let n = 0; n < made; n++) expect(await bury(n)).toEqual({ outcome: 'ended' })
  })

  it('answers a replacement that does not fit with an error and keeps the old session', async () => {
    const store = await file.open({ maxFileBytes: 200_000 })
    await fill(store)
    const large = newSession(1_000_001, { userId: 'ann', data: { note: 'x'.repeat(50_000) } })
    await file.expectFailure(
      'ERR_STORE_FULL',
      () => store.replace(sessionId(0), large, replaceOptions('login')),
      {
        retryable: true,
      },
    )
    expect(await store.find(sessionId(0))).toMatchObject({ status: 'live' })
  })

  it('commits what fits of a group, also beside a call that does not', async () => {
    const store = await file.open({ maxFileBytes: 200_000 })
    const large = newSession(1, { data: { note: 'x'.repeat(1_000_000) } })
    const [small, refused, alsoSmall] = await Promise.allSettled([
      store.create(newSession(0)),
      store.create(large),
      store.create(newSession(2)),
    ])
    expect(small).toMatchObject({ status: 'fulfilled' })
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'ERR_STORE_FULL' } })
    expect(alsoSmall).toMatchObject({ status: 'fulfilled' })
    expect((await store.find(sessionId(2))).status).toBe('live')
    expect((await store.find(sessionId(1))).status).toBe('unknown')
  })

  it.runIf(canMount())('ends every session on a disk without a byte left, and opens there', async () => {
    const disk = join(file.directory, 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=10m', 'tmpfs', disk])
    try {
      file.path = join(disk, 'sessions.db')
      const store = await file.open()
      const made = await fill(store)
      for (let i = 0; i < made; i++) {
        expect(await store.end(sessionId(i), { reason: 'logout' })).toMatchObject({ outcome: 'ended' })
      }
      await store.close()
      expect(() => writeFileSync(join(disk, 'other'), new Uint8Array(10_000_000))).toThrow('ENOSPC')
      const again = await file.open()
      expect(await again.find(sessionId(0))).toMatchObject({ status: 'ended' })
    } finally {
      await file.close()
      execFileSync('umount', [disk])
    }
  })
})

/** Creates sessions one after another, of two users in turn, until the store is full. Answers how many, an even number. */
async function fill(store: SessionStore): Promise<number> {
  for (let i = 0; ; i++) {
    try {
      await store.create(newSession(i, { userId: `user-${(i % 2) + 1}`, data: { note: 'x'.repeat(500) } }))
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_STORE_FULL', retryable: true })
      if (i % 2 === 0) return i
      await store.end(sessionId(i - 1), { reason: 'logout' })
      return i - 1
    }
  }
}

/** Whether this process may mount a file system of a few megabytes. */
function canMount(): boolean {
  const place = temporaryDirectory()
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place.path]).status === 0
  if (mounted) spawnSync('umount', [place.path])
  place.dispose()
  return mounted
}
