/** What one node did to one session, and what it was told came of it. Instants are of one clock for all nodes. */
export interface Entry {
  readonly kind: 'create' | 'append' | 'find' | 'replace' | 'end' | 'sweep' | 'touch'
  readonly id: string
  /** The value appended, or the id of the new session. */
  readonly value?: string
  /** As the store answers; `failed`: surely not applied; `unknown`: nobody knows. */
  readonly outcome: string
  readonly from: string
  readonly to: string
}

/** What is left of a session in the end. */
export interface Remains {
  readonly status: 'live' | 'ended' | 'unknown'
  readonly list: readonly string[]
  readonly replacedBy: string | null
}

/** Sentences about what no order of the calls explains: lost updates (P2), revivals (P1), false sign-outs (P3). */
export function faultsIn(history: readonly Entry[], remains: ReadonlyMap<string, Remains>): string[] {
  return [...lostUpdates(history, remains), ...revivals(history), ...falseSignOuts(history, remains)]
}

/** Appends are in the session that is live at the end of the chain, if there is one: exactly once where acknowledged. */
function lostUpdates(history: readonly Entry[], remains: ReadonlyMap<string, Remains>): string[] {
  const faults: string[] = []
  for (const { kind, id, value = '', outcome } of history) {
    const last = kind === 'append' ? lastOf(id, remains) : null
    if (last?.status !== 'live') continue
    const times = last.list.filter((item) => item === value).length
    if (times > 1) faults.push(`${value} was applied ${times} times.`)
    if (outcome === 'ok' && times === 0) faults.push(`${value} was acknowledged and is lost.`)
    if (outcome === 'failed' && times === 1) faults.push(`${value} surely was not applied, and is there.`)
  }
  return faults
}

/** Nobody finds or changes a session in a call that began after its end was acknowledged. */
function revivals(history: readonly Entry[]): string[] {
  const endedAt = new Map<string, string>()
  for (const { kind, id, outcome, to } of history) {
    const isEnd =
      (kind === 'replace' && outcome === 'ok') ||
      outcome === 'ended' ||
      outcome === 'already' ||
      outcome === 'gone'
    const known = endedAt.get(id)
    if (isEnd && to < (known ?? LATER)) endedAt.set(id, to)
  }
  return history.flatMap(({ kind, id, outcome, from }) => {
    const alive = (kind === 'find' && outcome === 'live') || (kind === 'append' && outcome === 'ok')
    const ended = endedAt.get(id)
    return alive && ended !== undefined && from > ended ? [`${id} came back in a ${kind}.`] : []
  })
}

/** After every instant, which is digits. */
const LATER = ':'

/** What nobody tried to end is live in the end. */
function falseSignOuts(history: readonly Entry[], remains: ReadonlyMap<string, Remains>): string[] {
  const created = history
    .filter(({ kind, outcome }) => kind === 'create' && outcome === 'ok')
    .map(({ id }) => id)
  const ending = new Set(
    history.filter(({ kind, outcome }) => kind === 'end' && outcome !== 'failed').map(({ id }) => id),
  )
  return created.flatMap((first) => {
    const chain = chainOf(first, remains)
    const last = remains.get(chain.at(-1) ?? '')
    return last?.status === 'live' || chain.some((id) => ending.has(id))
      ? []
      : [`${first} was signed out by nobody.`]
  })
}

function lastOf(id: string, remains: ReadonlyMap<string, Remains>): Remains | null {
  return remains.get(chainOf(id, remains).at(-1) ?? '') ?? null
}

function chainOf(first: string, remains: ReadonlyMap<string, Remains>): readonly string[] {
  const chain = [first]
  for (let next = remains.get(first)?.replacedBy; next; next = remains.get(next)?.replacedBy) chain.push(next)
  return chain
}
