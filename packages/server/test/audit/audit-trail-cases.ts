import { FakeEnvironment } from 'coatcheck/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Actor, AuditEntry } from '../../src/audit/audit-entry.ts'
import { AUDIT_MIGRATIONS } from '../../src/audit/audit-table.ts'
import { AuditTrail, SHORTEST_RETENTION } from '../../src/audit/audit-trail.ts'
import type { Database } from '../../src/storage/database.ts'
import { migrate } from '../../src/storage/migrations.ts'

const SYSTEM: Actor = { kind: 'system', id: null }
const ADMIN: Actor = { kind: 'admin', id: 'root' }
const DAY = 86_400_000

/** The audit trail over one engine. */
export function auditTrailCases(engine: string, open: () => Promise<Database>): void {
  describe(`the audit trail on ${engine}`, () => {
    it('AUD-03 keeps who, what, where and when, newest first, in the order in which things happened', async () => {
      const { trail, environment } = await openTrail()
      for (let number = 0; number < 1_200; number++) trail.record(entry({ details: { number } }))
      environment.advance(10)
      trail.record({
        event: 'user.disabled',
        actor: ADMIN,
        userId: 'ada',
        sessionId: 's1',
        address: '192.0.2.0',
        details: { why: 'asked', times: 2, sure: true, none: null },
      })
      const [last, ...rest] = (await trail.list({ limit: 1_000 })).entries
      expect(last).toEqual({
        id: expect.stringMatching(/^[\da-f]{32}$/),
        at: environment.now(),
        event: 'user.disabled',
        actor: ADMIN,
        userId: 'ada',
        sessionId: 's1',
        address: '192.0.2.0',
        details: { why: 'asked', times: 2, sure: true, none: null },
      })
      expect(rest.map(({ details }) => details.number)).toEqual(
        Array.from({ length: 999 }, (_, i) => 1_199 - i),
      )
    })

    it('keeps the order when the clock is set back', async () => {
      const { trail, environment } = await openTrail()
      trail.record(entry({ event: 'one.done' }))
      environment.stepWallClock(-DAY)
      trail.record(entry({ event: 'two.done' }))
      expect((await trail.list()).entries.map(({ event }) => event)).toEqual(['two.done', 'one.done'])
    })

    it('writes within a quarter of a second, and at the close', async () => {
      const { trail, environment, database, settle } = await openTrail()
      trail.record(entry())
      expect(await count(database)).toBe(0)
      environment.advance(250)
      await settle()
      expect(await count(database)).toBe(1)
      trail.record(entry())
      await trail.close()
      expect(await count(database)).toBe(2)
    })

    it('finds by user, event, family of events, actor, session and time', async () => {
      const { trail, environment } = await openTrail()
      const start = environment.now()
      trail.record(entry({ event: 'session.created', userId: 'ada' }))
      environment.advance(1_000)
      trail.record(entry({ event: 'session.ended', userId: 'ada', sessionId: 's1' }))
      trail.record(entry({ event: 'sessions-of-old.ended', userId: 'bob', actor: ADMIN }))
      const found = async (query: Parameters<AuditTrail['list']>[0]) =>
        (await trail.list(query)).entries.map(({ event }) => event)
      expect(await found({ userId: 'ada' })).toEqual(['session.ended', 'session.created'])
      expect(await found({ event: 'session.ended' })).toEqual(['session.ended'])
      expect(await found({ event: 'session.' })).toEqual(['session.ended', 'session.created'])
      expect(await found({ actorKind: 'admin', actorId: 'root' })).toEqual(['sessions-of-old.ended'])
      expect(await found({ sessionId: 's1' })).toEqual(['session.ended'])
      expect(await found({ since: start + 1_000, userId: 'ada' })).toEqual(['session.ended'])
      expect(await found({ until: start + 1_000 })).toEqual(['session.created'])
      expect(await found({ userId: "' OR 1 = 1 --" })).toEqual([])
      expect(await found({ event: '%.' })).toEqual([])
    })

    it('answers in pages that neither miss nor repeat an entry, while others are recorded', async () => {
      const { trail } = await openTrail()
      for (let number = 0; number < 25; number++) trail.record(entry({ details: { number } }))
      const seen: unknown[] = []
      let cursor: string | null = null
      do {
        const page = await trail.list({ limit: 10, cursor })
        seen.push(...page.entries.map(({ details }) => details.number))
        cursor = page.cursor
        trail.record(entry({ event: 'late.done' }))
      } while (cursor !== null)
      expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => 24 - i))
    })

    it('AUD-03 makes hostile texts harmless: lines, colours, quotes, reversed text, halves of characters', async () => {
      const { trail } = await openTrail()
      const hostile = 'a\r\n{"level":"info"}\u001b[31m\u0000\u202e\u2028","x":"\ud800'
      trail.record(
        entry({ userId: hostile, sessionId: hostile, address: hostile, details: { [hostile]: hostile } }),
      )
      const [kept] = (await trail.list({ userId: hostile })).entries
      const safe = 'a\ufffd\ufffd{"level":"info"}\ufffd[31m\ufffd\ufffd\ufffd","x":"\ufffd'
      expect(kept).toMatchObject({ userId: safe, sessionId: safe, address: safe, details: { [safe]: safe } })
      trail.record(entry({ userId: 'x'.repeat(10_000) }))
      expect((await trail.list()).entries[0]?.userId?.length).toBe(256)
    })

    it('refuses every change and removal, whoever asks the database', async () => {
      const { trail, database } = await openTrail()
      trail.record(entry({ userId: 'ada' }))
      await trail.flush()
      const attacks = [
        "UPDATE coatcheck_audit SET event = 'nothing.happened'",
        'UPDATE coatcheck_audit SET address = NULL',
        'DELETE FROM coatcheck_audit',
        ...(database.dialect === 'postgres' ? ['TRUNCATE coatcheck_audit'] : []),
      ]
      for (const attack of attacks) await expect(database.run(attack)).rejects.toThrow()
      expect((await trail.list()).entries).toMatchObject([{ event: 'thing.done', userId: 'ada' }])
    })

    it('removes what is past its retention, says so, and never the last week', async () => {
      const { trail, environment, database } = await openTrail()
      trail.record(entry({ event: 'old.done' }))
      environment.advance(30 * DAY)
      trail.record(entry({ event: 'new.done' }))
      await trail.flush()
      await expect(trail.prune(environment.now(), ADMIN)).rejects.toThrow(RangeError)
      await expect(trail.prune(Number.NaN, ADMIN)).rejects.toThrow(RangeError)
      expect(await trail.prune(environment.now() - SHORTEST_RETENTION, ADMIN)).toBe(1)
      const { entries } = await trail.list()
      expect(entries.map(({ event }) => event)).toEqual(['audit.pruned', 'new.done'])
      expect(entries[0]).toMatchObject({ actor: ADMIN, details: { removed: 1 } })
      await expect(database.run('DELETE FROM coatcheck_audit')).rejects.toThrow()
    })

    it('AUD-06 forgets addresses and details of a user, and nothing else', async () => {
      const { trail } = await openTrail()
      const personal = { address: '192.0.2.0', details: { device: 'Firefox on Linux' } }
      trail.record(entry({ userId: 'ada', ...personal }))
      trail.record(entry({ userId: 'bob', ...personal }))
      expect(await trail.erase('ada', ADMIN)).toBe(1)
      const { entries } = await trail.list()
      expect(entries[0]).toMatchObject({ event: 'audit.erased', actor: ADMIN, userId: 'ada' })
      expect(entries.find(({ userId }) => userId === 'bob')).toMatchObject(personal)
      expect(entries.at(-1)).toMatchObject({ userId: 'ada', event: 'thing.done', address: null, details: {} })
    })

    it('AUD-04 outlives a database that fails: nothing is thrown, nothing is written twice, the gap is said', async () => {
      const { trail, environment, errors, fail, settle } = await openTrail()
      fail(true)
      for (let number = 0; number < 10_005; number++) trail.record(entry({ details: { number } }))
      await settle()
      environment.advance(60_000)
      await settle()
      expect([trail.waiting, trail.dropped]).toEqual([10_000, 5])
      expect(errors.length).toBeGreaterThan(0)
      expect(errors.length).toBeLessThan(20)
      fail('after')
      environment.advance(60_000)
      await settle()
      fail(false)
      await trail.flush()
      const [gap, last] = (await trail.list({ limit: 2 })).entries
      expect(gap).toMatchObject({ event: 'audit.dropped', details: { entries: 5 } })
      expect(last?.details).toEqual({ number: 9_999 })
      expect((await trail.list({ event: 'thing.done', limit: 1_000 })).entries).toHaveLength(1_000)
      expect(trail.waiting).toBe(0)
    })
  })

  async function openTrail() {
    const database = await open()
    onTestFinished(() => database.close())
    await migrate(database, AUDIT_MIGRATIONS)
    const environment = new FakeEnvironment()
    const errors: unknown[] = []
    let failing: boolean | 'after' = false
    const calls: Promise<unknown>[] = []
    const failable: Database = {
      ...{ dialect: database.dialect, all: database.all.bind(database) },
      ...{
        transaction: database.transaction.bind(database),
        ping: () => database.ping(),
        close: () => database.close(),
      },
      run(sql, ...parameters) {
        const call = (async () => {
          if (failing === true) throw new Error('The database is away.')
          const changed = await database.run(sql, ...parameters)
          if (failing === 'after') throw new Error('The answer got lost.')
          return changed
        })()
        calls.push(call.catch(() => {}))
        return call
      },
    }
    const trail = new AuditTrail(failable, environment, {
      error: (about: unknown) => errors.push(about),
    } as never)
    return {
      ...{ trail, environment, database, errors },
      fail(how: boolean | 'after') {
        failing = how
      },
      async settle() {
        await Promise.all(calls)
        await environment.settle()
      },
    }
  }
}

function entry(more: Partial<AuditEntry> = {}): AuditEntry {
  return { event: 'thing.done', actor: SYSTEM, ...more }
}

async function count(database: Database): Promise<number> {
  const [row] = await database.all<{ n: number }>('SELECT count(*) AS n FROM coatcheck_audit')
  return row?.n ?? 0
}
