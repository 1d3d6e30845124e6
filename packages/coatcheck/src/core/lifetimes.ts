import { type Duration, formatDuration, toMilliseconds } from './duration.ts'
import { ConfigError } from './errors.ts'
import { assertKnownKeys } from './option-checks.ts'
import type { PresetLimits } from './presets.ts'
import type { LifetimeKind, SessionRecord } from './record.ts'

export interface LifetimeOptions {
  /** Longest gap between two uses. */
  readonly idle?: Duration
  /** Longest life: since authentication for a signed-in session, since creation for an anonymous one. */
  readonly absolute?: Duration
}

export type LifetimesOptions = { readonly [K in LifetimeKind]?: LifetimeOptions }

/** One resolved lifetime; milliseconds. */
export interface Lifetime {
  /** What was asked for. */
  readonly idle: number
  /** What the store enforces: `idle` plus one touch interval, so that coalesced activity never ends a session early (EXP-08). */
  readonly storedIdle: number
  readonly absolute: number
  readonly touchInterval: number
  /** Whether the cookie outlives the browser. */
  readonly persistent: boolean
}

export type Lifetimes = { readonly [K in LifetimeKind]: Lifetime }

/** Defaults of design section 5; NIST-5.1 asks that an ordinary sign-in does not outlive the browser (CK-15). */
export const LIFETIME_DEFAULTS = Object.freeze({
  anonymous: { idle: '7d', absolute: '30d', persistent: true },
  signedIn: { idle: '30m', absolute: '12h', persistent: false },
  remembered: { idle: '14d', absolute: '30d', persistent: true },
} as const)

const LONGEST_TOUCH_INTERVAL = 60_000
const TOUCHES_PER_IDLE_TIMEOUT = 20

interface Source {
  readonly idleTimeout?: Duration
  readonly absoluteTimeout?: Duration
  readonly lifetimes?: LifetimesOptions
  readonly touchInterval?: Duration
}

export function resolveLifetimes(options: Source, limits: PresetLimits | null): Lifetimes {
  const { lifetimes = {} } = options
  assertKnownKeys(lifetimes, Object.keys(LIFETIME_DEFAULTS), 'lifetimes')
  assertOneSpelling(options, 'idle', 'idleTimeout')
  assertOneSpelling(options, 'absolute', 'absoluteTimeout')
  const resolve = (kind: LifetimeKind) =>
    resolveLifetime(
      kind,
      chosenTimes(options, kind),
      options.touchInterval,
      kind === 'anonymous' ? null : limits,
    )
  return Object.freeze({
    anonymous: resolve('anonymous'),
    signedIn: resolve('signedIn'),
    remembered: resolve('remembered'),
  })
}

/** What decides when a session stops by itself. */
export type Limits = Pick<SessionRecord, 'lastSeenAt' | 'idleTimeout' | 'expiresAt'>

/** When a session stops by itself, in the store's clock. Live strictly before. */
export function deadlines(record: Limits): { readonly idle: number; readonly absolute: number } {
  return { idle: record.lastSeenAt + record.idleTimeout, absolute: record.expiresAt }
}

/** Milliseconds from `now` (store clock) until a session is over, if nobody uses it. */
export function lifeLeft({ record, now }: { readonly record: Limits; readonly now: number }): number {
  const { idle, absolute } = deadlines(record)
  return Math.min(idle, absolute) - now
}

/** Why a session is over at `now` (store clock), or `null` while it lives. The absolute limit wins where both have passed. */
export function expiredBy(record: Limits, now: number): 'idle' | 'absolute' | null {
  const { idle, absolute } = deadlines(record)
  if (now >= absolute) return 'absolute'
  return now >= idle ? 'idle' : null
}

/** What the application chose for one kind of session, with the spelling that it used, for messages. */
interface Chosen {
  readonly idle: { readonly value: Duration | undefined; readonly path: string }
  readonly absolute: { readonly value: Duration | undefined; readonly path: string }
}

function chosenTimes({ lifetimes, idleTimeout, absoluteTimeout }: Source, kind: LifetimeKind): Chosen {
  const path = `lifetimes.${kind}`
  const { idle, absolute } = lifetimes?.[kind] ?? {}
  assertKnownKeys(lifetimes?.[kind] ?? {}, ['idle', 'absolute'], path)
  const short = kind === 'signedIn' ? { idle: idleTimeout, absolute: absoluteTimeout } : {}
  return {
    idle:
      short.idle === undefined
        ? { value: idle, path: `${path}.idle` }
        : { value: short.idle, path: 'idleTimeout' },
    absolute:
      short.absolute === undefined
        ? { value: absolute, path: `${path}.absolute` }
        : { value: short.absolute, path: 'absoluteTimeout' },
  }
}

function resolveLifetime(
  kind: LifetimeKind,
  chosen: Chosen,
  touch: Duration | undefined,
  limits: PresetLimits | null,
): Lifetime {
  const defaults = LIFETIME_DEFAULTS[kind]
  const absolute = withinLimit(chosen.absolute, defaults.absolute, limits?.absolute ?? null)
  const idleLimit = limits?.idle ?? null
  const idle = withinAbsolute(chosen.idle, withinLimit(chosen.idle, defaults.idle, idleLimit), absolute)
  const touchInterval = resolveTouchInterval(touch, idle, kind)
  // A preset's limit holds for what the store enforces, so the interval is taken off instead of added (design section 8).
  const storedIdle = idleLimit === null ? idle + touchInterval : Math.min(idle + touchInterval, idleLimit)
  return Object.freeze({ idle, storedIdle, absolute, touchInterval, persistent: defaults.persistent })
}

function resolveTouchInterval(touch: Duration | undefined, idle: number, kind: LifetimeKind): number {
  const derived = Math.min(Math.floor(idle / TOUCHES_PER_IDLE_TIMEOUT), LONGEST_TOUCH_INTERVAL)
  if (touch === undefined) return derived
  const interval = toMilliseconds(touch, 'touchInterval', 0)
  if (interval < idle) return interval
  throw new ConfigError(
    'ERR_OPTION',
    `Option touchInterval must be shorter than the idle timeout of ${kind} sessions (${formatDuration(idle)}).`,
  )
}

/** The default shrinks to a preset's limit; an explicit value beyond it is a contradiction. */
function withinLimit(
  { value: chosen, path }: Chosen['idle'],
  preset: Duration,
  limit: number | null,
): number {
  const value = toMilliseconds(chosen ?? preset, path)
  if (limit === null || value <= limit) return value
  if (chosen === undefined) return limit
  throw new ConfigError(
    'ERR_OPTION',
    `Option ${path} (${formatDuration(value)}) is longer than the preset allows (${formatDuration(limit)}).`,
  )
}

/** A default shrinks to the absolute timeout; an explicit idle timeout beyond it would never be what was asked for. */
function withinAbsolute({ value, path }: Chosen['idle'], idle: number, absolute: number): number {
  if (value === undefined || idle <= absolute) return Math.min(idle, absolute)
  throw new ConfigError(
    'ERR_OPTION',
    `Option ${path} (${formatDuration(idle)}) is longer than the absolute timeout (${formatDuration(absolute)}).`,
  )
}

function assertOneSpelling(
  options: Source,
  field: 'idle' | 'absolute',
  shorthand: 'idleTimeout' | 'absoluteTimeout',
) {
  if (options[shorthand] === undefined || options.lifetimes?.signedIn?.[field] === undefined) return
  throw new ConfigError(
    'ERR_OPTION',
    `Option ${shorthand} and lifetimes.signedIn.${field} say the same thing: give one of them.`,
  )
}
