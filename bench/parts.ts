import { FRAMEWORKS, type Framework } from './modes/mode.ts'
import type { Part, Results, Run, Settings } from './results.ts'

/** Those about stores on servers. */
const ENGINES: readonly Part[] = ['network', 'redis', 'postgres', 'sizes']

const PARTS: readonly Part[] = [
  ...FRAMEWORKS,
  'stores',
  'writes',
  ...ENGINES,
  'cache',
  'jwt',
  'tokens',
  'server',
  'oauth',
]

/** Several parts under one name; `frameworks` are those that have a usual session package of their own. */
const GROUPS: ReadonlyMap<string, readonly Part[]> = new Map([
  ['frameworks', FRAMEWORKS.filter((framework) => framework !== 'node:http')],
  ['engines', ENGINES],
])

/** What `--only` names, separated by commas, in any case; all parts where it is left out. Throws for anything else. */
export function parseParts(only: string | undefined): readonly Part[] {
  if (only === undefined) return PARTS
  const chosen = new Set(only.split(',').flatMap(partsNamed))
  return PARTS.filter((part) => chosen.has(part))
}

function partsNamed(text: string): readonly Part[] {
  const name = text.trim().toLowerCase()
  const parts = GROUPS.get(name) ?? PARTS.filter((part) => part.toLowerCase() === name)
  if (parts.length > 0) return parts
  const known = [...GROUPS.keys(), ...PARTS.map((part) => part.toLowerCase())].join(', ')
  throw new Error(`--only does not know '${text}'; it takes ${known}.`)
}

export function frameworksAmong(parts: readonly Part[]): readonly Framework[] {
  return FRAMEWORKS.filter((framework) => parts.includes(framework))
}

/** The part in which a store's room and endings are measured. */
export function partOfStore(store: string): Part {
  if (store === 'Redis') return 'redis'
  return store === 'PostgreSQL' ? 'postgres' : 'stores'
}

/** The run that a part was measured in; `null` where it has not been. */
export function runOf({ runs }: Pick<Results, 'runs'>, part: Part): Run | null {
  return runs.find(({ parts }) => parts.includes(part)) ?? null
}

/** What stays of earlier results when these parts are measured again; throws where the new ones could not stand beside it. */
export function without(old: Results, parts: readonly Part[], settings: Settings): Results {
  const runs = old.runs
    .map((run) => ({ ...run, parts: run.parts.filter((part) => !parts.includes(part)) }))
    .filter((run) => run.parts.length > 0)
  if (runs.length > 0 && JSON.stringify(old.settings) !== JSON.stringify(settings)) {
    throw new Error(
      'The other parts were measured with other settings: leave --only out and measure all again.',
    )
  }
  const { idle, cache, jwt, accessTokens, server, oauth, ...rest } = old
  const stays = ({ store }: { readonly store: string }) => !parts.includes(partOfStore(store))
  return {
    ...rest,
    runs,
    settings,
    overhead: old.overhead.filter(({ framework }) => !parts.includes(framework)),
    network: parts.includes('network') ? [] : (old.network ?? []),
    room: old.room.filter(stays),
    onTop: parts.includes('sizes') ? [] : (old.onTop ?? []),
    ...(!parts.includes('stores') && idle && { idle }),
    endUser: old.endUser.filter(stays),
    endEveryone: old.endEveryone.filter(stays),
    sweep: old.sweep.filter(stays),
    durableWrites: parts.includes('writes') ? null : old.durableWrites,
    ...(!parts.includes('cache') && cache && { cache }),
    ...(!parts.includes('jwt') && jwt && { jwt }),
    ...(!parts.includes('tokens') && accessTokens && { accessTokens }),
    ...(!parts.includes('server') && server && { server }),
    ...(!parts.includes('oauth') && oauth && { oauth }),
  }
}

/** Both together; no part may be in both. */
export function combined(kept: Results, fresh: Results): Results {
  return {
    runs: [...kept.runs, ...fresh.runs],
    settings: fresh.settings,
    overhead: FRAMEWORKS.flatMap((framework) =>
      [...kept.overhead, ...fresh.overhead].filter((one) => one.framework === framework),
    ),
    network: [...(kept.network ?? []), ...(fresh.network ?? [])],
    room: inOrder(kept.room, fresh.room),
    onTop: inOrder(kept.onTop ?? [], fresh.onTop ?? []),
    endUser: inOrder(kept.endUser, fresh.endUser),
    endEveryone: inOrder(kept.endEveryone, fresh.endEveryone),
    sweep: inOrder(kept.sweep, fresh.sweep),
    durableWrites: fresh.durableWrites ?? kept.durableWrites,
    ...wholeParts(kept),
    ...wholeParts(fresh),
  }
}

/** Those that are measured as a whole or not at all. */
function wholeParts({ idle, cache, jwt, accessTokens, server, oauth }: Results): Partial<Results> {
  const all = { idle, cache, jwt, accessTokens, server, oauth }
  return Object.fromEntries(Object.entries(all).filter(([, part]) => part !== undefined))
}

/** As in a run of all parts: the embedded stores and their peers before those on servers. */
function inOrder<C extends { readonly store: string }>(
  kept: readonly C[],
  fresh: readonly C[],
): readonly C[] {
  return [...kept, ...fresh].toSorted(
    (a, b) => PARTS.indexOf(partOfStore(a.store)) - PARTS.indexOf(partOfStore(b.store)),
  )
}
