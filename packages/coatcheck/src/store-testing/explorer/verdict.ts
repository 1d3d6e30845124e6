import { linksOf } from '../../core/links.ts'
import type { Rotation } from '../../core/record.ts'
import { MAX_WINDOWS, quietUntil } from '../../core/rotation.ts'
import type { FindResult } from '../../core/store.ts'
import type { Mode } from '../../core/validator.ts'
import type { ExplorerNode } from './explorer-node.ts'
import type { Visit } from './visit.ts'
import type { World } from './world.ts'
import type { Write } from './write-ledger.ts'

/** The table of design section 6, by generations alone: tokens that a client was given have no other secrets. */
export type Verdict = 'valid' | 'superseded' | 'reuse' | 'rolled-back'

export function verdictOf(generation: number, { generation: current, previous }: Rotation): Verdict {
  if (generation === current) return 'valid'
  if (generation > current) return 'rolled-back'
  const last = generation === current - 1 && previous !== null && previous.settledAt === null
  return last ? 'superseded' : 'reuse'
}

/** Whether the near cache let the request in, without a look at the store. */
export function isHit({ accepted, judged }: Visit): boolean {
  return accepted !== null && judged === null
}

/**
 * Nobody is let into a session that had ended before the request came (P1): who asks the store never, and whose near
 * cache answers not from when its node knows of the end, nor `maxStaleness` after it (P7).
 */
export function assertAlive(world: World, visit: Visit, node: ExplorerNode): void {
  const life = world.lives.of(visit.accepted)
  if (!life?.end || life.end.at > visit.arrivedAt) return
  const { reason, now, knownAt } = life.end
  const isKnown = (knownAt.get(node.name) ?? Number.POSITIVE_INFINITY) <= visit.arrivedAt
  if (isHit(visit) && !isKnown && world.clock.now() - now < stalenessOf(node)) {
    world.count('stale hit')
    return
  }
  world.violations.add('P1', `a request is let into ${life.name}, which had ended before (${reason}).`)
}

/** A near cache answers only as the store could have answered within `maxStaleness`; deadlines it keeps exactly (P8). */
export async function assertHit(
  world: World,
  { accepted, arrivedAt, token }: Visit,
  node: ExplorerNode,
): Promise<void> {
  if (accepted === null) return
  world.count('hit')
  const found = await world.lookUp(accepted)
  const name = world.lives.name(accepted)
  const facts = token === null ? null : world.rotations.factsOf(token)
  if (found.status === 'ended') assertNotOver(world, found, name, node)
  if (found.status !== 'live') return
  if (facts?.id !== accepted) {
    world.violations.add('TRN-03', `${name} is met by what is not its token on this transport.`)
    return
  }
  const { rotation, userId, transport } = found.record
  const isStale = verdictOf(facts.generation, rotation) !== 'valid'
  if (isStale) {
    world.count('stale hit')
    const isKnown = world.rotations.isKnownOld(node.name, facts, arrivedAt)
    if (isKnown || world.rotations.age(facts, world.clock.now()) >= stalenessOf(node)) {
      world.violations.add('P4', `a superseded token of ${name} is accepted from memory.`)
    }
  } else if (found.now >= quietUntil(rotation, userId !== null && transport === 'cookie', world.policy)) {
    world.violations.add('P4', `a hit keeps ${name} from rotating, or from settling.`)
  }
}

/** A node whose steady clock stood still is late by as much, and never by `maxStaleness`. */
function assertNotOver(
  world: World,
  { tombstone: { reason, endedAt }, now }: Extract<FindResult, { status: 'ended' }>,
  name: string,
  node: ExplorerNode,
): void {
  if (reason !== 'idle' && reason !== 'absolute') return
  const late = now - endedAt
  if (late < Math.min(node.clock.behind, stalenessOf(node))) return
  world.violations.add('P8', `${name} is accepted from memory ${late} ms after its deadline (${reason}).`)
}

/** Whether a request need not see a write yet: its near cache answered, and another node wrote within `maxStaleness` (P2, P7). */
export function mayMiss(world: World, visit: Visit, node: ExplorerNode, write: Write): boolean {
  const isRecent = world.clock.now() - write.doneNow < stalenessOf(node)
  if (!isHit(visit) || write.node === node.name || !isRecent) return false
  world.count('stale hit')
  return true
}

function stalenessOf({ sessions }: ExplorerNode): number {
  return sessions.manager.settings.maxStaleness
}

/** Holds what became of a request's token against what the record said at that moment (P3, P4). */
export function assertVerdict(world: World, visit: Visit, mode: Mode): void {
  const { judged, token } = visit
  const facts = token === null ? null : world.rotations.factsOf(token)
  if (judged?.status !== 'live' || !facts) return
  const { rotation } = judged.record
  const verdict = verdictOf(facts.generation, rotation)
  world.count(`token ${verdict}`)
  const reused = visit.events.find((event) => event.name === 'reused')
  if (verdict === 'reuse' || reused) assertReuse(world, visit, verdict, rotation, mode)
  else if (verdict !== 'rolled-back') assertAccepted(world, visit, verdict, rotation)
  if (visit.accepted !== null && mode !== 'peek') world.used(visit.accepted)
}

function assertReuse(world: World, visit: Visit, verdict: Verdict, rotation: Rotation, mode: Mode): void {
  const name = world.lives.name(visit.judged?.status === 'live' ? visit.judged.record.id : null)
  const exhausted = verdict === 'superseded' && (rotation.previous?.windows ?? 0) >= MAX_WINDOWS
  if (verdict !== 'reuse' && !exhausted) {
    world.violations.add('P3', `a ${verdict} token of ${name} was taken for a replay.`)
  }
  if (!visit.events.some((event) => event.name === 'reused')) {
    world.violations.add('P4', `a replayed token of ${name} was not reported.`)
  }
  if (visit.accepted !== null) world.violations.add('P4', `a replayed token of ${name} was accepted.`)
  const id = visit.judged?.status === 'live' ? visit.judged.record.id : null
  if (mode !== 'peek' && world.options.sessions?.onReuse !== 'report' && world.lives.of(id)?.end === null) {
    world.violations.add('P4', `${name} goes on after a replay.`)
  }
  if (visit.traveller.isHonest && world.allHonest) {
    world.violations.add('P3', `an honest client was taken for a thief of ${name}.`)
  }
}

function assertAccepted(world: World, visit: Visit, verdict: Verdict, { previous }: Rotation): void {
  const { judged, accepted } = visit
  if (judged?.status !== 'live') return
  const name = world.lives.name(judged.record.id)
  const shared = verdict === 'superseded' && previous?.context !== visit.fingerprint
  const reported = visit.events.some((event) => event.name === 'shared-rotation')
  if (shared && !reported) world.violations.add('P4', `a hand-out of ${name} to another context went unseen.`)
  const mayEnd = shared && world.options.sessions?.onSharedRotation === 'end'
  // What it is linked with is looked up after it, and may have ended it.
  const isOver = linksOf(judged.record).length > 0 && world.lives.of(judged.record.id)?.end
  if (accepted !== judged.record.id && !mayEnd && !isOver) {
    world.violations.add('P3', `a ${verdict} token of ${name} was refused.`)
  }
}
