import { SAMPLE } from './fixture.ts'
import { describeMachine } from './machine.ts'
import { modes } from './modes/all.ts'
import { cacheModes } from './modes/cache.ts'
import type { Mode } from './modes/mode.ts'
import { networkModes } from './modes/network.ts'
import { frameworksAmong } from './parts.ts'
import { Child } from './process/child.ts'
import { type EngineName, findProgram } from './process/engine.ts'
import type { LifecycleCommands } from './process/lifecycle.ts'
import { measureAccessTokens } from './questions/access-tokens.ts'
import { inTurns } from './questions/in-turns.ts'
import { measureOauth } from './questions/oauth.ts'
import { measureOverhead } from './questions/overhead.ts'
import { measureLag } from './questions/revocation-lag.ts'
import { measureServer } from './questions/server.ts'
import { compareWithJwt } from './questions/session-vs-jwt.ts'
import type {
  AccessTokenCase,
  CacheResults,
  OauthCase,
  OnTopCase,
  OverheadCase,
  Part,
  Results,
  RoomCase,
  ServerCase,
  Settings,
} from './results.ts'
import type { StoreName } from './store-backing.ts'

/** How much is measured. */
export interface Plan {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  /** Share of the sessions that a full run has. */
  readonly scale: number
  readonly endUserRepetitions: number
  readonly repetitions: number
  readonly writeRounds: number
  /** Milliseconds. */
  readonly idle: number
}

export const FULL: Plan = {
  rounds: 15,
  seconds: 1,
  warmUpSeconds: 3,
  scale: 1,
  endUserRepetitions: 9,
  repetitions: 3,
  writeRounds: 7,
  idle: 10_000,
}

export const QUICK: Plan = {
  rounds: 2,
  seconds: 1,
  warmUpSeconds: 1,
  scale: 0.01,
  endUserRepetitions: 2,
  repetitions: 1,
  writeRounds: 1,
  idle: 1_000,
}

const MILLION = 1_000_000
const EMBEDDED = ['memory', 'SQLite'] as const
const ON_TOP = 100_000
const CONNECTIONS = 16
const OF_USER = 1_000

/** Sessions that are ended to see how soon another node knows. */
const ENDED = 1_000

type Tell = (line: string) => void

export function settingsOf({ rounds, seconds }: Plan): Settings {
  return { rounds, seconds, connections: CONNECTIONS, sample: SAMPLE }
}

/** Results of one run that have nothing but these parts. */
export async function measure(plan: Plan, parts: readonly Part[], tell: Tell): Promise<Results> {
  const machine = describeMachine()
  const stores = await measureLifecycles(plan, parts, tell)
  const onTop = parts.includes('sizes') ? await measureSizes(plan, tell) : []
  const durableWrites = parts.includes('writes') ? await measureWrites(plan, tell) : null
  const frameworks = frameworksAmong(parts)
  const chosen = modes.filter(({ framework }) => frameworks.includes(framework))
  const overhead = await measureRequests(plan, chosen, tell)
  const network = await measureRequests(plan, parts.includes('network') ? networkModes : [], tell)
  const cache = parts.includes('cache') ? await measureCache(plan, tell) : null
  const settings = settingsOf(plan)
  const jwt = parts.includes('jwt') ? await compareWithJwt() : null
  const accessTokens = parts.includes('tokens') ? await measureTokens(plan, tell) : null
  const server = parts.includes('server') ? await measureStandalone(plan, tell) : null
  const oauth = parts.includes('oauth') ? await measureForApplications(plan, tell) : null
  const more = {
    ...(server && { server }),
    ...(oauth && { oauth }),
    ...(cache && { cache }),
    ...(jwt && { jwt }),
    ...(accessTokens && { accessTokens }),
  }
  return {
    runs: [{ parts, machine }],
    settings,
    overhead,
    network,
    ...stores,
    onTop,
    durableWrites,
    ...more,
  }
}

function measureTokens({ rounds, seconds }: Plan, tell: Tell): Promise<readonly AccessTokenCase[]> {
  tell('access tokens')
  // A call takes microseconds: a fifth of a server's turn has thousands of them.
  return measureAccessTokens({ rounds, milliseconds: seconds * 200 })
}

function measureStandalone(
  { rounds, seconds, warmUpSeconds }: Plan,
  tell: Tell,
): Promise<readonly ServerCase[]> {
  tell('the standalone server')
  return measureServer({ rounds, seconds, warmUpSeconds, connections: CONNECTIONS }, tell)
}

function measureForApplications(
  { rounds, seconds, warmUpSeconds }: Plan,
  tell: Tell,
): Promise<readonly OauthCase[]> {
  tell('codes and tokens for applications')
  return measureOauth({ rounds, seconds, warmUpSeconds, connections: CONNECTIONS }, tell)
}

async function measureRequests(plan: Plan, chosen: readonly Mode[], tell: Tell): Promise<OverheadCase[]> {
  if (chosen.length === 0) return []
  tell('CPU per request')
  return measureOverhead({ ...plan, modes: chosen, connections: CONNECTIONS, sample: SAMPLE }, tell)
}

type Stores = Pick<Results, 'room' | 'idle' | 'endUser' | 'endEveryone' | 'sweep'>

/** The embedded stores together, those on servers one after the other. */
async function measureLifecycles(plan: Plan, parts: readonly Part[], tell: Tell): Promise<Stores> {
  const measured: Stores[] = []
  if (parts.includes('stores')) {
    const stores = await measureStores(EMBEDDED, plan, tell)
    const peerRoom = await inProcess((child) => child.ask('room', 'express-session', MILLION * plan.scale))
    const idle = await inProcess((child) => child.ask('idle', plan.idle))
    measured.push({ ...stores, room: [...stores.room, peerRoom], idle })
  }
  if (parts.includes('redis') && isThere('Redis', tell))
    measured.push(await measureStores(['Redis'], plan, tell))
  if (parts.includes('postgres') && isThere('PostgreSQL', tell)) {
    measured.push(await measureStores(['PostgreSQL'], plan, tell))
  }
  const idle = measured.find((one) => one.idle)?.idle
  return {
    room: measured.flatMap(({ room }) => room),
    ...(idle && { idle }),
    endUser: measured.flatMap(({ endUser }) => endUser),
    endEveryone: measured.flatMap(({ endEveryone }) => endEveryone),
    sweep: measured.flatMap(({ sweep }) => sweep),
  }
}

function isThere(engine: EngineName, tell: Tell): boolean {
  const found = findProgram(engine) !== null
  if (!found) tell(`left out: ${engine} is not on this machine`)
  return found
}

async function measureStores(names: readonly StoreName[], plan: Plan, tell: Tell): Promise<Stores> {
  tell(`room: ${names.join(', ')}`)
  const filled = await Promise.all(names.map((store) => fillStore(store, plan)))
  const endings = await inTurns(filled, 1, (one) => {
    tell(`ending and sweeping: ${one.store}`)
    return measureEndings(one, plan)
  })
  return {
    room: filled.map(({ room }) => room),
    endUser: endings.map(({ endUser }) => endUser),
    endEveryone: endings.map(({ endEveryone }) => endEveryone),
    sweep: endings.map(({ sweep }) => sweep),
  }
}

/** Every store with sessions whose data is larger. */
function measureSizes(plan: Plan, tell: Tell): Promise<OnTopCase[]> {
  const servers = (['Redis', 'PostgreSQL'] as const).filter((engine) => isThere(engine, tell))
  return inTurns([...EMBEDDED, ...servers], 1, (store) => {
    tell(`room besides the data: ${store}`)
    return inProcess((child) => child.ask('onTop', store, ON_TOP * plan.scale))
  })
}

interface Filled {
  readonly store: StoreName
  readonly child: Child<LifecycleCommands>
  readonly room: RoomCase
}

/** Both at once, which takes half the time and leaves their sizes what they are. */
async function fillStore(store: StoreName, plan: Plan): Promise<Filled> {
  const child = startLifecycle()
  return { store, child, room: await child.ask('room', store, MILLION * plan.scale) }
}

async function measureEndings({ store, child }: Filled, plan: Plan) {
  const sessions = MILLION * plan.scale
  const expired = sessions / 10
  const { repetitions, endUserRepetitions } = plan
  const ended = await child.ask('endUser', { ofUser: OF_USER, repetitions: endUserRepetitions })
  const swept = await child.ask('sweep', { expired, repetitions })
  await child.stop()
  const all = await inProcess((other) => other.ask('endEveryone', store, { count: expired, repetitions }))
  return {
    endUser: { store, sessions, ofUser: OF_USER, times: ended },
    sweep: { store, sessions, expired, times: swept },
    endEveryone: { store, sessions: expired, times: all },
  }
}

async function measureCache(plan: Plan, tell: Tell): Promise<CacheResults> {
  tell('room in the near cache')
  const orders = [MILLION, MILLION / 10].flatMap((count) =>
    (['nothing else', 'data and device'] as const).map((holding) => ({ count: count * plan.scale, holding })),
  )
  const room = await inTurns(orders, 2, ({ count, holding }) =>
    inProcess((child) => child.ask('cacheRoom', holding, count)),
  )
  const overhead = await measureRequests(plan, cacheModes, tell)
  const telling = (['Redis', 'PostgreSQL'] as const).filter((engine) => isThere(engine, tell))
  const lag = await inTurns(telling, 1, (engine) => {
    tell(`revocation lag: ${engine}`)
    return measureLag(engine, Math.max(10, ENDED * plan.scale))
  })
  return { overhead, room, lag }
}

function measureWrites({ writeRounds, seconds }: Plan, tell: Tell) {
  tell('durable writes')
  return inProcess((child) => child.ask('durableWrites', { count: 10_000, rounds: writeRounds, seconds }))
}

function startLifecycle(): Child<LifecycleCommands> {
  return new Child(new URL('./process/lifecycle.ts', import.meta.url))
}

async function inProcess<T>(work: (child: Child<LifecycleCommands>) => Promise<T>): Promise<T> {
  const child = startLifecycle()
  try {
    return await work(child)
  } finally {
    await child.stop()
  }
}
