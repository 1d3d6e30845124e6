import { FRAMEWORKS, type Framework } from '../modes/mode.ts'
import type { Results } from '../results.ts'
import { median } from '../statistics.ts'
import { accessTokenLosses } from './access-tokens.ts'
import { listed, number, times, whole } from './format.ts'
import { adapterLosses } from './frameworks.ts'
import { cacheLosses } from './near-cache.ts'
import { networkLosses } from './network.ts'
import { oauthLosses } from './oauth.ts'
import { difference, type OverheadRow, rowsOf, toRows } from './overhead-rows.ts'
import { judgeTargets } from './targets.ts'

/** Sentences about everything in which something else is better, or a target is missed: found by comparing, not by choice. */
export function findLosses(results: Results): string[] {
  const rows = toRows(results.overhead)
  return [
    ...FRAMEWORKS.flatMap((framework) => cpuLosses(rows, framework)),
    ...networkLosses(results),
    ...cacheLosses(results),
    ...accessTokenLosses(results),
    ...oauthLosses(results),
    ...adapterLosses(rows),
    ...growthLosses(rows),
    ...storeCallLosses(rows),
    ...headerLosses(rows),
    ...roomLosses(results),
    ...writeLosses(results),
    ...targetLosses(results),
  ]
}

/** Each of our cases with the peers on the same framework that cost clearly less: in three rounds out of four. */
function cpuLosses(rows: readonly OverheadRow[], framework: Framework): string[] {
  const here = rowsOf(rows, framework)
  const peers = here.filter(({ source }) => source.kind === 'peer')
  return here
    .filter(({ source }) => source.kind === 'ours')
    .flatMap((ours) => {
      const better = peers.filter((peer) => difference(ours, peer).low > 0)
      if (better.length === 0) return []
      const against = better.map(
        (peer) => `${peer.source.name} (${number(peer.overhead.median)} µs${factor(ours, peer)})`,
      )
      return [
        `**CPU per request:** ${ours.source.name} costs ${number(ours.overhead.median)} µs over bare ${framework}, more than ${listed(against)}.`,
      ]
    })
}

/** `, 2.1x less`, where the peer's cost is more than nothing. */
function factor(ours: OverheadRow, peer: OverheadRow): string {
  const ratio = ours.overhead.median / peer.overhead.median
  return peer.overhead.median > 0.5 ? `, a factor of ${number(ratio)}` : ''
}

/** Cases that differ in nothing but the number of sessions. */
function growthLosses(rows: readonly OverheadRow[]): string[] {
  const few = '10,000 sessions'
  return rows.flatMap((row) => {
    const { name, kind } = row.source
    const many = rows.find(({ source }) => source.name === name.replace(few, '1,000,000 sessions'))
    if (kind !== 'ours' || !many || many === row || difference(many, row).low <= 0) return []
    const dearer = difference(many, row).median
    return [
      `**Growth:** ${many.source.name} costs ${number(dearer)} µs per request more than with 10,000 (${number(many.overhead.median)} against ${number(row.overhead.median)} µs).`,
    ]
  })
}

function storeCallLosses(rows: readonly OverheadRow[]): string[] {
  const ours = rows.filter(({ source }) => source.kind === 'ours')
  const most = Math.max(...ours.map(({ source }) => source.storeCalls ?? 0))
  const without = rows.filter(({ source }) => source.kind === 'peer' && source.storeCalls === null)
  if (most <= 0 || without.length === 0) return []
  return [
    `**Store:** every request of ours asks the store (up to ${number(most)} calls per request above); ${listed(without.map(({ source }) => source.name))} ask none. That is also why none of these can end a session before its token runs out.`,
  ]
}

function headerLosses(rows: readonly OverheadRow[]): string[] {
  const ours = rows.find(({ source }) => source.kind === 'ours')?.source.headerBytes ?? 0
  const shorter = rows.filter(({ source }) => source.kind === 'peer' && source.headerBytes < ours)
  if (shorter.length === 0) return []
  const names = shorter.map(({ source }) => `${source.name} (${source.headerBytes} bytes)`)
  return [`**Bandwidth:** our request header of ${ours} bytes is longer than that of ${listed(names)}.`]
}

function roomLosses({ room }: Results): string[] {
  const memory = room.find(({ store }) => store === 'memory')?.heap
  const peer = room.find(({ store }) => store === 'express-session')?.heap
  if (room.length === 0) return []
  const losses = [
    '**Room:** signed tokens and sealed cookies take no room on the server at all; every session of ours does.',
  ]
  if (memory && peer && memory > peer) {
    losses.push(
      `**Room:** a session in our memory store takes ${whole(memory)} bytes, ${times(memory / peer)} of the ${whole(peer)} bytes in that of express-session, which keeps text and no index of users.`,
    )
  }
  return losses
}

function writeLosses({ durableWrites }: Results): string[] {
  if (!durableWrites) return []
  const alone = median(durableWrites.rounds.map(({ oneAtATime, fsync }) => oneAtATime / fsync))
  if (alone >= 1) return []
  return [
    `**Durable writes:** awaited one by one they reach ${times(alone)} of the rate at which the disk alone can sync.`,
  ]
}

function targetLosses(results: Results): string[] {
  return judgeTargets(results)
    .filter(({ met }) => !met)
    .map(
      ({ target, limit, figure }) => `**Target missed:** ${target}: ${figure}, where ${limit} was aimed at.`,
    )
}
