import type { Rotation } from '../../core/record.ts'
import { MAX_WINDOWS } from '../../core/rotation.ts'
import type { Mode } from '../../core/validator.ts'
import type { ExplorerNode } from './explorer-node.ts'
import type { Visit } from './visit.ts'
import type { World } from './world.ts'

/** The table of design section 6, by generations alone: tokens that a client was given have no other secrets. */
export type Verdict = 'valid' | 'superseded' | 'reuse' | 'rolled-back'

export function verdictOf(generation: number, { generation: current, previous }: Rotation): Verdict {
  if (generation === current) return 'valid'
  if (generation > current) return 'rolled-back'
  const last = generation === current - 1 && previous !== null && previous.settledAt === null
  return last ? 'superseded' : 'reuse'
}

/** Nobody is let into a session that had ended before the request came, whatever the node remembers of it (P1, P7). */
export function assertAlive(
  world: World,
  { accepted, arrivedAt }: Visit,
  { name, sessions }: ExplorerNode,
): void {
  const life = world.lives.of(accepted)
  if (!life?.end || life.end.at > arrivedAt) return
  const bound = life.end.node === name ? 0 : sessions.manager.settings.maxStaleness
  if (world.clock.now() - life.end.now < bound) return
  world.violations.add(
    'P1',
    `a request is let into ${life.name}, which had ended before (${life.end.reason}).`,
  )
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
  if (accepted !== judged.record.id && !mayEnd) {
    world.violations.add('P3', `a ${verdict} token of ${name} was refused.`)
  }
}
