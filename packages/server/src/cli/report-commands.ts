import type { PolicyDescription } from 'coatcheck'
import type { RecordedEntry } from '../audit/audit-entry.ts'
import { millisecondsOf } from '../config/parsing.ts'
import { fromIsoText, systemEnvironment } from '../system.ts'
import { AdminError } from './admin-client.ts'
import { type Column, timeText } from './output.ts'
import { administers, type Program } from './program.ts'
import { count } from './session-commands.ts'

const COLUMNS: readonly Column<RecordedEntry>[] = [
  ['time', ({ at }) => timeText(at)],
  ['event', ({ event }) => event],
  ['by', ({ actor }) => (actor.id === null ? actor.kind : `${actor.kind} ${actor.id}`)],
  ['user', ({ userId }) => userId],
  ['session', ({ sessionId }) => sessionId],
  ['address', ({ address }) => address],
  [
    'details',
    ({ details }) =>
      Object.entries(details)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
  ],
]

interface AuditOptions {
  readonly user?: string
  readonly session?: string
  readonly event?: string
  readonly since?: string
  readonly until?: string
  readonly limit: number
}

/** `policy` and `audit`. */
export function reportCommands(program: Program): void {
  policyCommand(program)
  auditCommands(program)
}

function policyCommand(program: Program): void {
  administers(
    program,
    program.root.command('policy').description('the rules for sessions in force, beside what standards say'),
    async (admin) => {
      const policies = (await admin.call('GET', '/policy')).body as Readonly<
        Record<string, PolicyDescription>
      >
      const rows = Object.entries(policies).flatMap(([of, { rules, unsafe }]) => [
        ...rules.map((rule) => ({ of, ...rule })),
        ...unsafe.map(({ option, consequence }) => ({
          of,
          rule: `UNSAFE: ${option}`,
          value: 'on',
          reference: consequence,
        })),
      ])
      admin.table(
        [
          ['of', ({ of }) => (of === 'sessions' ? 'users' : 'administrators')],
          ['rule', ({ rule }) => rule],
          ['value', ({ value }) => value],
          ['reference', ({ reference }) => reference],
        ],
        rows,
      )
    },
  )
}

function auditCommands(program: Program): void {
  const group = program.root.command('audit')
  administers(
    program,
    group
      .description('what happened, newest first')
      .option('--user <id>', 'what concerns this user')
      .option('--session <id>', 'what concerns this session')
      .option('--event <name>', 'such as user.disabled, or all that begin so: user.')
      .option('--since <time>', 'an instant such as 2026-11-21T16:00Z, or how long ago: 2h')
      .option('--until <time>', 'the same')
      .option('--limit <number>', 'how many at most', count, 100),
    async (admin, { limit, since, until, ...texts }: AuditOptions) => {
      const query = new URLSearchParams()
      for (const name of ['user', 'session', 'event'] as const) {
        const text = texts[name]
        if (text !== undefined) query.set(name, text)
      }
      if (since !== undefined) query.set('since', String(instantOf(since)))
      if (until !== undefined) query.set('until', String(instantOf(until)))
      admin.table(COLUMNS, await admin.list<RecordedEntry>(`/audit?${query}`, 'entries', limit))
    },
  )
  administers(
    program,
    group
      .command('prune')
      .description(
        'remove what happened before an instant, never of the last seven days; says so in the trail',
      )
      .requiredOption('--before <time>', 'an instant such as 2026-01-01, or how long ago: 365d'),
    async (admin, { before }: { readonly before: string }) => {
      const { body } = await admin.call('DELETE', `/audit?before=${instantOf(before)}`)
      admin.done(`Removed: ${(body as { readonly removed: number }).removed}.`, body)
    },
  )
}

function instantOf(text: string): number {
  const ago = millisecondsOf(text)
  const at = Number.isNaN(ago) ? fromIsoText(text) : systemEnvironment.now() - ago
  if (Number.isNaN(at))
    throw new AdminError(400, 'A time must be an instant such as 2026-11-21T16:00Z, or how long ago: 2h.')
  return Math.max(0, Math.round(at))
}
