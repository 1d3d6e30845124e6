import type { StoreCapabilities } from '../../src/core/store.ts'

/** What one node did to a session or a user, and what it was told came of it. Instants are of one clock for all nodes. */
export interface Entry {
  readonly kind:
    | 'create'
    | 'append'
    | 'add'
    | 'rotate'
    | 'find'
    | 'remembered'
    | 'replace'
    | 'end'
    | 'endUser'
    | 'endEveryone'
    | 'sweep'
    | 'touch'
  /** The session; of `endUser` the user. */
  readonly id: string
  /** The value appended, the id of the new session, or how many values there are in what is remembered. */
  readonly value?: string
  /** Whose the new session is. */
  readonly user?: string
  /**
   * As the store answers. `failed`: surely not applied; `unknown`: nobody knows; `begun`: said before the call, in case its
   * node is killed meanwhile, and superseded by what is said after it.
   */
  readonly outcome: string
  readonly from: string
  readonly to: string
}

/** What is left of a session in the end. */
export interface Remains {
  readonly status: 'live' | 'ended' | 'unknown'
  readonly list: readonly string[]
  readonly sum: number
  readonly revision: number
  readonly replacedBy: string | null
}

/** A session that was found alive in a call that began after its end had been acknowledged, or at least reported. */
export interface Revival {
  readonly id: string
  /** Whether its end was acknowledged to who made it; else it was only reported to who looked. */
  readonly acknowledged: boolean
  /** From the end until the last answer that had it alive, in nanoseconds. */
  readonly lasted: bigint
  /** Whether it is live in the end. */
  readonly forGood: boolean
}

/** What no order of the calls explains. */
export interface Judgement {
  /** P2: writes that are lost, applied twice or applied though they failed. */
  readonly lost: readonly string[]
  /** P1 */
  readonly revivals: readonly Revival[]
  /** P3: signed out by nobody. */
  readonly signedOut: readonly string[]
  /** Logins that were cut short between their steps, where the store has several. */
  readonly cutShort: number
  /** P7: answers from memory about sessions whose end nobody might overlook any more. */
  readonly stale: readonly string[]
  /** P2 P7: answers from memory that lack what nobody might overlook any more. */
  readonly behind: readonly string[]
  /** For how long at most memories outlived an acknowledged end, in nanoseconds. */
  readonly stalest: bigint
}

/** For how long nodes may answer from memory what is no longer so, in milliseconds. */
export const MAX_STALENESS = 1_000

/** How long after its caller knew nothing more a call may be applied: a server that stands still reads it when it goes on. */
const LATE = 60_000_000_000n

/** Judges all that was said, in any order, by what is left. */
export function judge(
  said: readonly Entry[],
  remains: ReadonlyMap<string, Remains>,
  replace: StoreCapabilities['replace'],
): Judgement {
  const history = concluded(said)
  const lives = livesOf(history)
  const ends = new Ends(history)
  const seen = [...lives].filter(([, { to }]) => to !== NEVER)
  const chains = seen.map(([id]) => chainOf(id, remains))
  return {
    lost: [...lostAppends(history, remains), ...lostCounts(history, remains)],
    revivals: revivalsIn(history, remains, lives, ends),
    ...goneWithoutEnd(chains, remains, lives, ends, replace),
    ...staleMemories(history, lives, ends),
  }
}

/** All but what was said before calls that have come to an end. */
function concluded(said: readonly Entry[]): readonly Entry[] {
  const call = ({ kind, id, from }: Entry) => `${kind} ${id} ${from}`
  const done = new Set(said.filter(({ outcome }) => outcome !== 'begun').map(call))
  return said.filter((entry) => entry.outcome !== 'begun' || !done.has(call(entry)))
}

/** Of a session that somebody has made, or tried to. */
interface Life {
  /** Since when it may be there. */
  readonly from: string
  /** When somebody first knew that it is; `NEVER` if nobody did. */
  readonly to: string
  readonly user: string | null
}

function livesOf(history: readonly Entry[]): ReadonlyMap<string, Life> {
  const lives = new Map<string, Life>()
  const add = (id: string, { from, to, user }: Life) => {
    const known = lives.get(id) ?? { from, to, user }
    lives.set(id, { from: least(known.from, from), to: least(known.to, to), user: known.user ?? user })
  }
  for (const entry of history) {
    const { kind, id, value, user = null, outcome, from, to } = entry
    const ok = outcome === 'ok'
    if (isAlive(entry)) add(id, { from, to, user: null })
    if (kind === 'create') add(id, { from, to: ok ? to : NEVER, user: null })
    if (kind === 'replace' && value) add(value, { from, to: ok ? to : NEVER, user })
  }
  return lives
}

/** After every instant, which is digits. */
const NEVER = ':'

/** Whether the answer says that the session lived during the call. */
function isAlive({ kind, outcome }: Entry): boolean {
  if (kind === 'find') return outcome === 'live'
  if (kind === 'rotate') return outcome === 'ok' || outcome === 'conflict'
  return (kind === 'append' || kind === 'add' || kind === 'replace') && outcome === 'ok'
}

/** Who has ended what. */
class Ends {
  readonly #acknowledged = new Map<string, string>()
  readonly #reported = new Map<string, string>()
  readonly #attempted = new Set<string>()
  /** By user; under '' those of everyone. */
  readonly #ofMany = new Map<string, Entry[]>()

  constructor(history: readonly Entry[]) {
    for (const entry of history) this.#add(entry)
  }

  /** When the end of this session was first acknowledged to somebody, or reported to anybody. */
  of(id: string, life: Life): { readonly acknowledged: string; readonly reported: string } {
    const many = this.#many(life)
      .filter(({ outcome, from }) => outcome === 'ok' && life.to < from)
      .map(({ to }) => to)
    const acknowledged = [this.#acknowledged.get(id) ?? NEVER, ...many].reduce((a, b) => least(a, b))
    return { acknowledged, reported: least(this.#reported.get(id), acknowledged) }
  }

  /** Whether somebody ended it, or may have. */
  mayHave(id: string, life: Life | undefined): boolean {
    if (this.#attempted.has(id)) return true
    const until = ({ outcome, to }: Entry) => (outcome === 'ok' ? to : plus(to, LATE))
    return this.#many(life).some((entry) => entry.outcome !== 'failed' && life && until(entry) > life.from)
  }

  #many(life: Life | undefined): readonly Entry[] {
    return [...(this.#ofMany.get('') ?? []), ...((life?.user && this.#ofMany.get(life.user)) || [])]
  }

  #add(entry: Entry): void {
    const { kind, id, outcome, to } = entry
    if (kind === 'endUser' || kind === 'endEveryone') {
      const user = kind === 'endUser' ? id : ''
      this.#ofMany.set(user, [...(this.#ofMany.get(user) ?? []), entry])
      return
    }
    if (kind === 'end' && outcome !== 'failed') this.#attempted.add(id)
    const ending = kind === 'end' && (outcome === 'ended' || outcome === 'already')
    if (ending || (kind === 'replace' && outcome === 'ok')) {
      this.#acknowledged.set(id, least(this.#acknowledged.get(id), to))
    }
    if (outcome === 'ended' || outcome === 'gone') this.#reported.set(id, least(this.#reported.get(id), to))
  }
}

function revivalsIn(
  history: readonly Entry[],
  remains: ReadonlyMap<string, Remains>,
  lives: ReadonlyMap<string, Life>,
  ends: Ends,
): readonly Revival[] {
  const over = new Map([...lives].map(([id, life]) => [id, ends.of(id, life)] as const))
  const revivals = new Map<string, Revival>()
  const add = (id: string, { acknowledged, lasted, forGood }: Omit<Revival, 'id'>) => {
    const known = revivals.get(id)
    revivals.set(id, {
      id,
      acknowledged: acknowledged || known?.acknowledged === true,
      lasted: known && known.lasted > lasted ? known.lasted : lasted,
      forGood,
    })
  }
  for (const entry of history.filter(isAlive)) {
    const comeback = comebackIn(entry, over.get(entry.id))
    if (comeback) add(entry.id, comeback)
  }
  for (const [id, { acknowledged, reported }] of over) {
    if (remains.get(id)?.status !== 'live' || reported === NEVER) continue
    add(id, { acknowledged: acknowledged !== NEVER, lasted: 0n, forGood: true })
  }
  return [...revivals.values()]
}

/** What is remembered has not ended, and lacks nothing that was written, longer than `MAX_STALENESS` ago. */
function staleMemories(
  history: readonly Entry[],
  lives: ReadonlyMap<string, Life>,
  ends: Ends,
): Pick<Judgement, 'stale' | 'behind' | 'stalest'> {
  const written = acknowledgedAppends(history)
  const over = new Map([...lives].map(([id, life]) => [id, ends.of(id, life).acknowledged] as const))
  const [stale, behind]: [string[], string[]] = [[], []]
  let stalest = 0n
  for (const { kind, id, value, from } of history) {
    if (kind !== 'remembered') continue
    const end = over.get(id) ?? NEVER
    const late = from > end ? BigInt(from) - BigInt(end) : 0n
    if (late > stalest) stalest = late
    if (late >= STALENESS) stale.push(`${id} was remembered ${late / 1_000_000n} ms after its end.`)
    const due = countUntil(written.get(id) ?? [], plus(from, -STALENESS))
    if (Number(value) < due) behind.push(`${id} was remembered with ${value} of ${due} values.`)
  }
  return { stale, behind, stalest }
}

const STALENESS = BigInt(MAX_STALENESS) * 1_000_000n

/** When each append to a session was acknowledged, in order. */
function acknowledgedAppends(history: readonly Entry[]): ReadonlyMap<string, readonly string[]> {
  const times = new Map<string, string[]>()
  for (const { kind, id, outcome, to } of history) {
    if (kind !== 'append' || outcome !== 'ok') continue
    const known = times.get(id)
    if (known) known.push(to)
    else times.set(id, [to])
  }
  for (const some of times.values()) some.sort()
  return times
}

function countUntil(sorted: readonly string[], instant: string): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] as string) < instant) low = middle + 1
    else high = middle
  }
  return low
}

function comebackIn({ from, to }: Entry, end: ReturnType<Ends['of']> | undefined) {
  if (!end || from <= end.reported) return null
  const acknowledged = from > end.acknowledged
  const lasted = BigInt(to) - BigInt(acknowledged ? end.acknowledged : end.reported)
  return { acknowledged, lasted, forGood: false }
}

/** Appends are in the session that is live at the end of the chain, if there is one: exactly once where acknowledged. */
function lostAppends(history: readonly Entry[], remains: ReadonlyMap<string, Remains>): readonly string[] {
  const faults: string[] = []
  for (const { kind, id, value = '', outcome } of history) {
    const last = kind === 'append' ? remains.get(chainOf(id, remains).at(-1) ?? '') : undefined
    if (last?.status !== 'live') continue
    const times = last.list.filter((item) => item === value).length
    if (times > 1) faults.push(`${value} was applied ${times} times.`)
    if (outcome === 'ok' && times === 0) faults.push(`${value} was acknowledged and is lost.`)
    if (outcome === 'failed' && times === 1) faults.push(`${value} surely was not applied, and is there.`)
  }
  return faults
}

/**
 * As many additions as were acknowledged have come to the live session at the end of the chain, and as many rotations to a live
 * session; at most those more of which nobody knows. What was applied and asked again may find the session gone, or rotated
 * by others.
 */
function lostCounts(history: readonly Entry[], remains: ReadonlyMap<string, Remains>): readonly string[] {
  const bounds = new Map<string, { least: number; most: number }>()
  for (const { kind, id, outcome } of history) {
    if (kind !== 'add' && kind !== 'rotate') continue
    const last = kind === 'add' ? (chainOf(id, remains).at(-1) ?? '') : id
    if (remains.get(last)?.status !== 'live' || outcome === 'failed') continue
    const bound = bounds.get(`${kind} ${last}`) ?? { least: 0, most: 0 }
    if (outcome === 'ok') bound.least++
    bound.most++
    bounds.set(`${kind} ${last}`, bound)
  }
  return [...bounds].flatMap(([key, { least, most }]) => {
    const [kind, id = ''] = key.split(' ')
    const count = remains.get(id)?.[kind === 'add' ? 'sum' : 'revision'] ?? 0
    const is = `${key} was applied ${count} times`
    if (count < least) return [`${is}, and acknowledged ${least} times.`]
    return count > most ? [`${is}, and asked for ${most} times.`] : []
  })
}

/** What was seen alive and nobody tried to end is live in the end, itself or what has replaced it. */
function goneWithoutEnd(
  chains: readonly (readonly string[])[],
  remains: ReadonlyMap<string, Remains>,
  lives: ReadonlyMap<string, Life>,
  ends: Ends,
  replace: StoreCapabilities['replace'],
): Pick<Judgement, 'signedOut' | 'cutShort'> {
  const signedOut = new Set<string>()
  const cutShort = new Set<string>()
  const isUnknown = (id: string) => remains.get(id)?.status === 'unknown'
  for (const chain of chains) {
    const last = chain.at(-1) ?? ''
    if (remains.get(last)?.status === 'live') continue
    if (chain.some((id) => ends.mayHave(id, lives.get(id)))) continue
    // A login that is no transaction may end the old session and never come to its last step.
    if (replace === 'saga' && lives.get(last)?.to === NEVER && isUnknown(last)) cutShort.add(last)
    else signedOut.add(last)
  }
  return { signedOut: [...signedOut], cutShort: cutShort.size }
}

function chainOf(first: string, remains: ReadonlyMap<string, Remains>): readonly string[] {
  const chain = [first]
  for (let next = remains.get(first)?.replacedBy; next; next = remains.get(next)?.replacedBy) chain.push(next)
  return chain
}

function least(a: string | undefined, b: string): string {
  return a !== undefined && a < b ? a : b
}

function plus(instant: string, nanoseconds: bigint): string {
  return String(BigInt(instant) + nanoseconds).padStart(instant.length, '0')
}
