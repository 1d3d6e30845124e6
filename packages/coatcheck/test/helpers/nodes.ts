import { NearCache } from '../../src/cache/near-cache.ts'
import type { ActiveSession } from '../../src/core/active-session.ts'
import type { RequestContext } from '../../src/core/events.ts'
import type { Issued, LoginRequest } from '../../src/core/issuer.ts'
import type { JsonFields } from '../../src/core/json.ts'
import { keyRing } from '../../src/core/key-sources.ts'
import type { KeySource, KeyState } from '../../src/core/keys.ts'
import { SessionManager } from '../../src/core/manager.ts'
import { type CoreOptions, resolveCoreOptions } from '../../src/core/options.ts'
import type { SessionStore } from '../../src/core/store.ts'
import type { ValidateRequest, Validation } from '../../src/core/validator.ts'
import { memory } from '../../src/stores/memory.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { FaultyStore } from '../../src/testing/faulty-store.ts'
import { RecordedEvents } from '../../src/testing/recorded-events.ts'

export const SECOND = 1_000
export const MINUTE = 60_000
export const HOUR = 3_600_000
export const DAY = 24 * HOUR

/** One node: a manager, and what there is to see of it. */
export interface Node {
  readonly manager: SessionManager
  readonly environment: FakeEnvironment
  readonly store: FaultyStore
  readonly events: RecordedEvents
  readonly errors: readonly unknown[]
  readonly cache: NearCache | null
}

export type NodeOptions = Partial<Omit<CoreOptions, 'environment' | 'store'>> & {
  readonly environment?: FakeEnvironment
  readonly store?: SessionStore
}

/** A manager over a memory store with a fake clock and no background sweep, unless the options say otherwise. */
export function createNode(options: NodeOptions = {}): Node {
  const environment = options.environment ?? new FakeEnvironment()
  const store = new FaultyStore(options.store ?? memory())
  const errors: unknown[] = []
  const settings = resolveCoreOptions({
    sweepInterval: false,
    onError: (error) => errors.push(error),
    ...options,
    environment,
    store,
  })
  const cache = settings.nearCache && new NearCache(settings.nearCache)
  const manager = new SessionManager(settings, [], cache)
  const events = new RecordedEvents((listener) => manager.events.on('*', listener))
  environment.settleWith(() => store.idle())
  return { manager, environment, store, events, errors, cache }
}

/** Two nodes over one store. They have clocks of their own where the options of the second name another environment. */
export function createNodes(options: NodeOptions = {}, second: NodeOptions = {}): readonly [Node, Node] {
  const store = options.store ?? memory()
  const environment = options.environment ?? new FakeEnvironment()
  return [
    createNode({ ...options, environment, store }),
    createNode({ ...options, environment, store, ...second }),
  ]
}

export const FIREFOX: RequestContext = contextOf('Firefox')
export const CURL: RequestContext = contextOf('curl')

export function contextOf(label: string): RequestContext {
  return { userAgent: `${label}/1.0`, address: null, label, fingerprint: `${label}, unknown network` }
}

export function validateRequest(request: Partial<ValidateRequest> = {}): ValidateRequest {
  return {
    transport: 'cookie',
    context: FIREFOX,
    mode: 'full',
    touch: true,
    consistency: 'bounded',
    onOutage: 'serve-stale',
    ...request,
  }
}

export function loginRequest(userId: string, request: Partial<LoginRequest> = {}): LoginRequest {
  return {
    userId,
    transport: 'cookie',
    context: FIREFOX,
    remember: false,
    authentication: { methods: ['pwd'], level: null },
    data: {},
    carry: [],
    operations: [],
    attempt: null,
    ...request,
  }
}

export function login(
  { manager }: Node,
  userId: string,
  request: Partial<LoginRequest> = {},
  old: ActiveSession | null = null,
): Promise<Issued> {
  return manager.login(old, loginRequest(userId, request))
}

export function start(
  { manager }: Node,
  data: Parameters<SessionManager['start']>[0]['data'] = {},
): Promise<Issued> {
  return manager.start({ transport: 'cookie', context: FIREFOX, data })
}

export async function validate(
  { manager }: Node,
  token: string,
  request: Partial<ValidateRequest> = {},
): Promise<Validation> {
  return await manager.validate(token, validateRequest(request))
}

/** The live session of a token; throws with the reason where there is none. */
export async function sessionOf(
  node: Node,
  token: string,
  request: Partial<ValidateRequest> = {},
): Promise<ActiveSession> {
  const validation = await validate(node, token, request)
  if (!validation.ok) throw new Error(`refused: ${validation.reason}`)
  return validation.session
}

/** `ok`, or the reason of the refusal. */
export async function verdictOf(
  node: Node,
  token: string,
  request: Partial<ValidateRequest> = {},
): Promise<string> {
  const validation = await validate(node, token, request)
  return validation.ok ? 'ok' : validation.reason
}

/** What a request with this token gets to send with its response: the successor, or `null`. */
export async function rotate(
  node: Node,
  token: string,
  request: Partial<ValidateRequest> = {},
): Promise<string | null> {
  return await node.manager.tokenFor(await sessionOf(node, token, request))
}

/** The token that a rotation makes of this one, once its age allows it. */
export async function rotated(node: Node, token: string): Promise<string> {
  const successor = await rotate(node, token)
  if (successor === null) throw new Error('no rotation was due')
  return successor
}

export async function dataOf(node: Node, token: string): Promise<JsonFields> {
  return (await sessionOf(node, token)).record.data
}

export async function stepUp(
  node: Node,
  token: string,
  authentication = { methods: ['otp'], level: 'aal2' },
): Promise<Issued> {
  return node.manager.reauthenticate(await sessionOf(node, token), { authentication, operations: [] })
}

/** Another node that sets `n` to the next hundred before each write of this one to a live session, `times` times. */
export function withRivals(node: Node, times: number): { readonly count: number } {
  const rivals = { count: 0 }
  const { mutate } = node.store
  node.store.mutate = async (id, operations, options) => {
    const found = await node.store.find(id)
    if (found.status === 'live' && rivals.count < times) {
      rivals.count += 1
      const rival = { ...options, operationId: `rival ${rivals.count}` }
      await mutate.call(node.store, id, [{ kind: 'set', field: 'n', value: rivals.count * 100 }], rival)
    }
    return mutate.call(node.store, id, operations, options)
  }
  return rivals
}

/** Keys by slot; the same slot has the same key in every source. */
export function keysOf(...slots: readonly (readonly [slot: number, state: KeyState])[]): KeySource {
  return keyRing(
    slots.map(([slot, state]) => ({
      slot,
      state,
      key: Buffer.alloc(32, `key of slot ${slot}`).toString('base64url'),
    })),
  )
}

/** A session of ada whose rotation has settled, with both of its tokens. */
export async function settledRotation(node: Node) {
  const { token, session } = await login(node, 'ada')
  node.environment.advance(15 * MINUTE)
  const successor = await rotated(node, token)
  node.environment.advance(2 * MINUTE)
  await sessionOf(node, successor)
  await node.manager.flush()
  return { superseded: token, successor, id: session.record.id }
}
