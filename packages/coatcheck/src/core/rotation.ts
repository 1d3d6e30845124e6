import type { PreviousSecret, Rotation } from './record.ts'

/** What the rules need to know of the options; milliseconds. */
export interface RotationPolicy {
  /** `null`: rotation is off. */
  readonly rotateEvery: number | null
  readonly rotationGrace: number
  /**
   * How far ahead a hand-out is accounted for, so that a burst of them costs one write. At least as long as a store
   * may take to answer: the successor leaves only then. Errs towards settling later.
   */
  readonly accountedAhead: number
}

/** The token that a request presented, seen through its hash. */
export interface Presented {
  readonly secretHash: string
  /** The generation that the token carries (modulo 65,536), or `null` where its tag could not be checked. */
  generation(): number | null
}

export type Verdict =
  /** The current secret. `settling` is the next state where this use moves the last rotation on; it may ride on a touch. */
  | { readonly kind: 'valid'; readonly settling: Rotation | null }
  /** The previous secret of a rotation that is not settled: as good as valid, and the response carries the successor. */
  | { readonly kind: 'superseded'; readonly previous: PreviousSecret }
  | { readonly kind: 'reuse'; readonly cause: 'settled' | 'older-generation' | 'windows-exhausted' }
  /** Newer than the record: the store lost a write. Refused, nothing ended. */
  | { readonly kind: 'rolled-back' }
  /** Wrong secret. Ids are public, so this must not end anything. */
  | { readonly kind: 'forged' }

/** Hand-outs in more grace windows than this, after the successor's first use, are somebody keeping the old token alive. */
export const MAX_WINDOWS = 8

const GENERATIONS = 0x10000

/** The table of design section 6 as a pure function of the record's rotating half, the presented token and the store's clock. */
export function judge(
  rotation: Rotation,
  presented: Presented,
  now: number,
  policy: RotationPolicy,
  equal: (a: string, b: string) => boolean,
): Verdict {
  if (equal(presented.secretHash, rotation.secretHash)) {
    return { kind: 'valid', settling: settlingUse(rotation, now, policy) }
  }
  const { previous } = rotation
  if (previous && equal(presented.secretHash, previous.secretHash)) {
    if (previous.settledAt !== null) return { kind: 'reuse', cause: 'settled' }
    if (nextWindow(previous, now, policy).windows > MAX_WINDOWS) {
      return { kind: 'reuse', cause: 'windows-exhausted' }
    }
    return { kind: 'superseded', previous }
  }
  return judgeByGeneration(rotation, presented.generation())
}

/**
 * Whether a genuine token (its tag was checked) of the current or the last generation has a secret that neither is: it is
 * presented with another key than the one it is bound to, or without. Nothing is ended for that: whoever has found a bound
 * token must not sign its owner out with it.
 */
export function missesItsKey(rotation: Rotation, presented: Presented): boolean {
  const generation = presented.generation()
  if (generation === null) return false
  return (rotation.generation - generation + GENERATIONS) % GENERATIONS <= 1
}

/** Whether the current secret is old enough to be replaced, and the last rotation settled: rotations never stack. */
export function isRotationDue(rotation: Rotation, now: number, policy: RotationPolicy): boolean {
  if (policy.rotateEvery === null || now - rotation.rotatedAt < policy.rotateEvery) return false
  return rotation.previous === null || rotation.previous.settledAt !== null
}

/** The state after a use of the current secret. */
export function used(rotation: Rotation, now: number, policy: RotationPolicy): Rotation {
  return settlingUse(rotation, now, policy) ?? rotation
}

/** The state after rotating to the secret whose hash is given. */
export function rotated(
  rotation: Rotation,
  successor: {
    readonly secretHash: string
    readonly salt: string
    readonly keySlot: number
    readonly context: string
  },
  now: number,
  policy: RotationPolicy,
): Rotation {
  return {
    revision: rotation.revision + 1,
    generation: rotation.generation + 1,
    secretHash: successor.secretHash,
    rotatedAt: now,
    previous: {
      secretHash: rotation.secretHash,
      salt: successor.salt,
      keySlot: successor.keySlot,
      handedOutAt: now + policy.accountedAhead,
      usedAt: null,
      windows: 0,
      windowStartedAt: null,
      settledAt: null,
      context: successor.context,
    },
  }
}

/**
 * Until when (store's clock) uses of the current secret change nothing: neither settles the last rotation nor starts the
 * next, where there is one to come.
 */
export function quietUntil(rotation: Rotation, rotates: boolean, policy: RotationPolicy): number {
  const { previous, rotatedAt } = rotation
  if (previous && previous.settledAt === null) {
    return previous.usedAt === null ? 0 : previous.handedOutAt + policy.rotationGrace
  }
  return rotates && policy.rotateEvery !== null ? rotatedAt + policy.rotateEvery : Number.POSITIVE_INFINITY
}

/**
 * The state after handing the successor out at `now`, or `null` where an earlier hand-out already accounts for it.
 * Must be stored before the successor leaves: else another node could settle the rotation while it is on its way.
 */
export function handedOut(rotation: Rotation, now: number, policy: RotationPolicy): Rotation | null {
  const { previous } = rotation
  if (!previous) return null
  const window = nextWindow(previous, now, policy)
  const sameWindow = window.windows === previous.windows
  if (sameWindow && previous.handedOutAt >= now) return null
  const handedOutAt = Math.max(previous.handedOutAt, now + policy.accountedAhead)
  return { ...rotation, revision: rotation.revision + 1, previous: { ...previous, ...window, handedOutAt } }
}

/** A use of the current secret: notes the successor's first use, and settles once the grace after the last hand-out is over. */
function settlingUse(rotation: Rotation, now: number, policy: RotationPolicy): Rotation | null {
  const { previous } = rotation
  if (!previous || previous.settledAt !== null) return null
  const revision = rotation.revision + 1
  if (now >= previous.handedOutAt + policy.rotationGrace) {
    return {
      ...rotation,
      revision,
      previous: { ...previous, usedAt: previous.usedAt ?? now, settledAt: now },
    }
  }
  if (previous.usedAt === null) return { ...rotation, revision, previous: { ...previous, usedAt: now } }
  return null
}

function nextWindow(
  previous: PreviousSecret,
  now: number,
  policy: RotationPolicy,
): Pick<PreviousSecret, 'windows' | 'windowStartedAt'> {
  const { usedAt, windows, windowStartedAt } = previous
  const current = windowStartedAt !== null && now < windowStartedAt + policy.rotationGrace
  if (usedAt === null || current) return { windows, windowStartedAt }
  return { windows: windows + 1, windowStartedAt: now }
}

/** Only a token whose tag was checked says anything by its generation: anybody can write down a public id. */
function judgeByGeneration(rotation: Rotation, generation: number | null): Verdict {
  if (generation === null) return { kind: 'forged' }
  const behind = (rotation.generation - generation + GENERATIONS) % GENERATIONS
  if (behind === 0) return { kind: 'forged' }
  return behind < GENERATIONS / 2 ? { kind: 'reuse', cause: 'older-generation' } : { kind: 'rolled-back' }
}
