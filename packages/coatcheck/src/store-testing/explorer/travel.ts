import type { JsonFields } from '../../core/json.ts'
import type { Mode } from '../../core/validator.ts'
import { ClientContext } from '../../http/client-context.ts'
import { openSession } from '../../http/open-session.ts'
import type { OpenedSession } from '../../http/opened-session.ts'
import type { ExplorerData } from './explorer-data.ts'
import type { ExplorerNode } from './explorer-node.ts'
import { MemoryExchange, type MemoryResponse } from './memory-exchange.ts'
import { Turn } from './turn.ts'
import { assertAlive, assertHit, assertVerdict, isHit, mayMiss } from './verdict.ts'
import type { Traveller, Visit } from './visit.ts'
import type { World } from './world.ts'

export interface RequestOptions<T> {
  /** Which of the client's concurrent activities this is, such as a tab. Default: the client itself. */
  readonly tab?: string
  /** Default: any, as the order has it. */
  readonly node?: ExplorerNode
  readonly mode?: Mode
  /** What the application does with the session; may be asynchronous. Default: it looks at it. */
  readonly handle?: (turn: Turn) => T | Promise<T>
  /** Whether the response may be lost on its way. Default `false`. */
  readonly mayBeLost?: boolean
  /** Whether the response may take any time, beyond the timing that clients keep to. Default `false`. */
  readonly mayBeLate?: boolean
  /** Milliseconds before which it is not sent. */
  readonly after?: number
  /** Until when (milliseconds on the steady clock) all of it has happened, as far as the clock goes. */
  readonly until?: number
}

/** What came of a request. */
export interface Reply<T> {
  readonly visit: Visit
  /** Who the request was, when its session was opened. */
  readonly userId: string | null
  /** What `handle` returned; `undefined` where it threw. */
  readonly value: T | undefined
  readonly error: unknown
  /** Whether the response arrived. */
  readonly arrived: boolean
}

const FULL_TEXT = Object.freeze({ address: 'network', userAgent: 'text' } as const)

/** Takes a request from its client to a node and the response back. A step can come in before each of its parts. */
export async function travel<T>(
  world: World,
  traveller: Traveller,
  options: RequestOptions<T> = {},
): Promise<Reply<T>> {
  const { scheduler, timing } = world
  const within = (milliseconds: number) => ({
    within: Math.min(milliseconds, (options.until ?? Number.POSITIVE_INFINITY) - world.clock.now()),
  })
  const actor = options.tab ? `${traveller.name}, ${options.tab}` : traveller.name
  await scheduler.point({
    actor,
    label: 'sends a request',
    after: options.after ?? 0,
    effect: { client: traveller.name },
    ...within(Number.POSITIVE_INFINITY),
  })
  const number = world.nextVisit
  const exchange = new MemoryExchange(
    { ...traveller.headers(), 'user-agent': `${traveller.userAgent} visit/${number}` },
    traveller.address,
  )
  const visit = world.visit(traveller, new ClientContext(exchange, FULL_TEXT).fingerprint)
  const node = await arrival(world, actor, options.node, within(timing.request).within)
  const reply = await serve(world, node, { visit, exchange, actor, options })
  const { response } = exchange
  departed(world, visit, response)
  const outcome = await scheduler.point({
    actor,
    label: 'response',
    outcomes: options.mayBeLost ? ['arrives', 'is lost'] : ['arrives'],
    effect: { client: traveller.name },
    ...within(options.mayBeLate ? Number.POSITIVE_INFINITY : timing.response),
  })
  const arrived = outcome === 'arrives'
  if (arrived) traveller.receive(response, visit)
  return { ...reply, visit, arrived }
}

async function arrival(
  world: World,
  actor: string,
  node: ExplorerNode | undefined,
  within: number,
): Promise<ExplorerNode> {
  const nodes = node ? [node] : world.nodes
  const name = await world.scheduler.point({
    actor,
    label: 'request reaches',
    outcomes: nodes.map((one) => one.name),
    // What the near cache knows is not read from the store.
    effect: world.isCached ? { all: true } : { store: { id: 'all', writes: false } },
    within,
  })
  return nodes.find((one) => one.name === name) ?? world.nodes[0]
}

interface Served<T> {
  readonly visit: Visit
  readonly exchange: MemoryExchange
  readonly actor: string
  readonly options: RequestOptions<T>
}

/** What an adapter does (`OpenedSession`). */
async function serve<T>(
  world: World,
  node: ExplorerNode,
  { visit, exchange, actor, options }: Served<T>,
): Promise<Pick<Reply<T>, 'userId' | 'value' | 'error'>> {
  let userId: string | null = null
  let value: T | undefined
  try {
    const opened = await open(world, node, visit, exchange, options.mode)
    const { session } = opened
    userId = session.userId
    const turn = new Turn(world, session, visit, actor)
    world.scheduler.note(session.id ? `is ${world.lives.name(session.id)} of ${userId}` : 'is nobody')
    if (session.id) {
      const sight = { sentAt: visit.sentAt, data: dataOf(session), who: actor }
      world.writes.assertSeen(session.id, {
        ...sight,
        mayMiss: (write) => mayMiss(world, visit, node, write),
      })
    }
    try {
      value = await options.handle?.(turn)
      await finish(world, visit, opened)
    } catch (error) {
      turn.failed(error)
      opened.abandon()
      await finish(world, visit, opened)
      return { userId, value: undefined, error }
    } finally {
      turn.finished()
      opened.close()
    }
  } catch (error) {
    return { userId, value, error }
  }
  return { userId, value, error: undefined }
}

async function open(
  world: World,
  node: ExplorerNode,
  visit: Visit,
  exchange: MemoryExchange,
  mode: Mode = 'full',
): Promise<OpenedSession<ExplorerData>> {
  visit.arrivedAt = world.lives.next()
  visit.node = node.name
  world.asking = visit
  const opening = openSession(node.sessions, exchange, { mode })
  world.asking = null
  const opened = await opening
  if (!opened) throw new TypeError('The explorer skips no request.')
  visit.accepted = opened.session.id
  assertAlive(world, visit, node)
  if (isHit(visit)) await assertHit(world, visit, node)
  assertVerdict(world, visit, mode)
  return opened
}

async function finish(world: World, visit: Visit, opened: OpenedSession<ExplorerData>): Promise<void> {
  visit.finishedAt = world.lives.next()
  await opened.finish()
}

function dataOf(session: { get(field: keyof ExplorerData): unknown }): JsonFields {
  const fields = (['items', 'private', 'updated', 'count'] as const).map((field) => [
    field,
    session.get(field),
  ])
  return Object.fromEntries(fields) as JsonFields
}

/** Holds what leaves against what a response may say (P3). */
function departed(world: World, visit: Visit, response: MemoryResponse): void {
  const { lives, violations, rotations } = world
  response.sent = true
  const token = world.tokenIn(response)
  if (token === null) return
  if (token === '') {
    const { judged } = visit
    const recently =
      judged?.status === 'ended' &&
      ['replaced', 'logout'].includes(judged.tombstone.reason) &&
      judged.now - judged.tombstone.endedAt < world.policy.rotationGrace
    if (recently && !visit.loggedOut) {
      violations.add(
        'P3',
        `a response clears the cookie although ${lives.name(judged.tombstone.id)} has just ended.`,
      )
    }
    return
  }
  const facts = rotations.factsOf(token)
  const end = lives.of(facts?.id ?? null)?.end
  // A login's own token goes out whatever happens to it meanwhile.
  if (facts && facts.generation > 0 && end && end.at < visit.finishedAt) {
    violations.add(
      'P3',
      `a response sets a token of ${lives.name(facts.id)}, which had ended (${end.reason}) before.`,
    )
  }
  if (world.timing.isKept) rotations.left(token, world.storeNow)
}
