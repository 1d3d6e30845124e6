import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PreviousSecret, Rotation } from '../../src/core/record.ts'
import {
  handedOut,
  isRotationDue,
  judge,
  MAX_WINDOWS,
  type RotationPolicy,
  rotated,
} from '../../src/core/rotation.ts'

const GRACE = 60_000
const EVERY = 900_000
const POLICY: RotationPolicy = { rotateEvery: EVERY, rotationGrace: GRACE, accountedAhead: GRACE / 4 }
const AHEAD = GRACE / 4
const NOW = 1_000_000_000

const successor = { secretHash: 'second', salt: 'salt', keySlot: 3, context: 'Firefox' }
const fresh: Rotation = { revision: 0, generation: 0, secretHash: 'first', rotatedAt: NOW, previous: null }

describe('judge', () => {
  it('takes the current secret for valid, and settles nothing where there is nothing to settle', () => {
    expect(verdictOf('first', fresh, NOW)).toEqual({ kind: 'valid', settling: null })
  })

  it.each([
    ['not used yet', {}],
    ['used, within its first grace window', { usedAt: NOW, windows: 0 }],
    ['used, handed out in all the windows there are', { usedAt: NOW, windows: MAX_WINDOWS - 1 }],
  ])('takes the previous secret for superseded while its rotation is not settled: %s', (_, state) => {
    const rotation = rotatedWith(state)
    expect(verdictOf('first', rotation, NOW + GRACE)).toEqual({
      kind: 'superseded',
      previous: rotation.previous,
    })
  })

  it('P4 takes the previous secret for reuse once its rotation has settled', () => {
    expect(verdictOf('first', rotatedWith({ settledAt: NOW }), NOW)).toEqual({
      kind: 'reuse',
      cause: 'settled',
    })
  })

  it('P4 takes the previous secret for reuse after eight grace windows with hand-outs since the successor was used', () => {
    const last = { usedAt: NOW, windows: MAX_WINDOWS, windowStartedAt: NOW + GRACE }
    expect(verdictOf('first', rotatedWith(last), NOW + 2 * GRACE - 1).kind).toBe('superseded')
    expect(verdictOf('first', rotatedWith(last), NOW + 2 * GRACE)).toEqual({
      kind: 'reuse',
      cause: 'windows-exhausted',
    })
  })

  it('P3 never counts windows before the successor was used: a client may lose any number of responses', () => {
    const late = NOW + 1_000 * GRACE
    expect(verdictOf('first', rotatedWith({}), late).kind).toBe('superseded')
  })

  it.each([
    [5, 4, { kind: 'reuse', cause: 'older-generation' }],
    [5, 0, { kind: 'reuse', cause: 'older-generation' }],
    [5, 5, { kind: 'forged' }],
    [5, 6, { kind: 'rolled-back' }],
    [5, 5 + 0x7fff, { kind: 'rolled-back' }],
    [5, 5 + 0x8001, { kind: 'reuse', cause: 'older-generation' }],
    [0x10000 + 2, 1, { kind: 'reuse', cause: 'older-generation' }],
    [0x10000 + 2, 2, { kind: 'forged' }],
    [0x10000 + 2, 0xffff, { kind: 'reuse', cause: 'older-generation' }],
    [0xffff, 0, { kind: 'rolled-back' }],
    [0x30000 + 1, 3, { kind: 'rolled-back' }],
  ] as const)(
    'judges a wrong secret by its generation, modulo 65,536: record %i, token %i',
    (record, token, verdict) => {
      const rotation = { ...rotatedWith({}), generation: record }
      expect(verdictOf('other', rotation, NOW, token)).toEqual(verdict)
    },
  )

  it('P4 calls a wrong secret whose generation nobody vouches for forged, so that knowing an id ends nothing', () => {
    expect(verdictOf('other', rotatedWith({}), NOW, null)).toEqual({ kind: 'forged' })
  })

  it('asks for the generation only where the secret is unknown, since it costs a MAC', () => {
    const generation = () => {
      throw new Error('asked')
    }
    for (const secretHash of ['first', 'second']) {
      expect(() => judge(rotatedWith({}), { secretHash, generation }, NOW, POLICY, equal)).not.toThrow()
    }
    expect(() => judge(rotatedWith({}), { secretHash: 'x', generation }, NOW, POLICY, equal)).toThrow('asked')
  })

  it('TOK-08 compares secrets with the comparison that it is given and no other', () => {
    const asked: string[] = []
    const never = (a: string, b: string) => {
      asked.push(a, b)
      return false
    }
    const presented = { secretHash: 'first', generation: () => null }
    expect(judge(rotatedWith({}), presented, NOW, POLICY, never)).toEqual({ kind: 'forged' })
    expect(asked).toEqual(['first', 'second', 'first', 'first'])
  })
})

describe('a use of the successor', () => {
  it('is noted the first time', () => {
    const rotation = rotatedWith({ handedOutAt: NOW + AHEAD })
    const settling = settlingOf(rotation, NOW + 1)
    expect(settling).toEqual({
      ...rotation,
      revision: rotation.revision + 1,
      previous: { ...rotation.previous, usedAt: NOW + 1 },
    })
  })

  it('is not noted again, and settles nothing within the grace after the last hand-out', () => {
    const rotation = rotatedWith({ usedAt: NOW + 1, handedOutAt: NOW + AHEAD })
    expect(settlingOf(rotation, NOW + 2)).toBeNull()
    expect(settlingOf(rotation, NOW + AHEAD + GRACE - 1)).toBeNull()
  })

  it('settles the rotation a whole grace after the last hand-out', () => {
    const rotation = rotatedWith({ usedAt: NOW + 1, handedOutAt: NOW + AHEAD })
    const settled = settlingOf(rotation, NOW + AHEAD + GRACE)
    expect(settled).toEqual({
      ...rotation,
      revision: rotation.revision + 1,
      previous: { ...rotation.previous, settledAt: NOW + AHEAD + GRACE },
    })
  })

  it('settles at once where the first use comes that late', () => {
    const late = NOW + AHEAD + GRACE
    expect(settlingOf(rotatedWith({ handedOutAt: NOW + AHEAD }), late)?.previous).toMatchObject({
      usedAt: late,
      settledAt: late,
    })
  })

  it('does nothing once the rotation is settled', () => {
    expect(settlingOf(rotatedWith({ settledAt: NOW, usedAt: NOW }), NOW + 10 * GRACE)).toBeNull()
  })
})

describe('rotated', () => {
  it('keeps one step back and accounts for the first hand-out', () => {
    expect(rotated({ ...fresh, revision: 7, generation: 4 }, successor, NOW, POLICY)).toEqual({
      revision: 8,
      generation: 5,
      secretHash: 'second',
      rotatedAt: NOW,
      previous: {
        secretHash: 'first',
        salt: 'salt',
        keySlot: 3,
        handedOutAt: NOW + AHEAD,
        usedAt: null,
        windows: 0,
        windowStartedAt: null,
        settledAt: null,
        context: 'Firefox',
      },
    })
  })

  it('P6 stores nothing from which the successor follows without the old secret: hashes, salt and key slot only', () => {
    const { previous } = rotated(fresh, successor, NOW, POLICY)
    expect(Object.keys(previous ?? {}).sort()).toEqual(
      ['context', 'handedOutAt', 'keySlot', 'salt', 'secretHash', 'settledAt', 'usedAt', 'windowStartedAt', 'windows'], // biome-ignore format: one list
    )
  })
})

describe('isRotationDue', () => {
  it.each([
    ['a secret of its age', fresh, NOW + EVERY, true],
    ['a younger secret', fresh, NOW + EVERY - 1, false],
    ['a rotation that has not settled: rotations never stack', rotatedWith({}), NOW + 100 * EVERY, false],
    [
      'one whose successor was used and which has not settled',
      rotatedWith({ usedAt: NOW }),
      NOW + EVERY,
      false,
    ],
    ['a settled one', rotatedWith({ settledAt: NOW + GRACE }), NOW + EVERY, true],
    ['a clock that was stepped back', fresh, NOW - 3_600_000, false],
  ])('answers for %s', (_, rotation, now, due) => {
    expect(isRotationDue(rotation, now, POLICY)).toBe(due)
  })

  it('is never, where rotation is off', () => {
    expect(isRotationDue(fresh, NOW + 100 * EVERY, { ...POLICY, rotateEvery: null })).toBe(false)
  })
})

describe('handedOut', () => {
  it('costs a burst of hand-outs no write', () => {
    const rotation = rotatedWith({ handedOutAt: NOW + AHEAD })
    expect(handedOut(rotation, NOW, POLICY)).toBeNull()
    expect(handedOut(rotation, NOW + AHEAD, POLICY)).toBeNull()
  })

  it('is accounted for ahead once the last account has run out', () => {
    const rotation = rotatedWith({ handedOutAt: NOW + AHEAD })
    const next = handedOut(rotation, NOW + AHEAD + 1, POLICY)
    expect(next).toMatchObject({ revision: rotation.revision + 1, generation: 1, secretHash: 'second' })
    expect(next?.previous).toMatchObject({
      handedOutAt: NOW + AHEAD + 1 + AHEAD,
      windows: 0,
      windowStartedAt: null,
    })
  })

  it('begins a grace window when the successor has been used, also where an account covers it', () => {
    const rotation = rotatedWith({ handedOutAt: NOW + AHEAD, usedAt: NOW + 1 })
    expect(handedOut(rotation, NOW + 2, POLICY)?.previous).toMatchObject({
      windows: 1,
      windowStartedAt: NOW + 2,
    })
  })

  it('counts one window per grace', () => {
    const used = { usedAt: NOW, windows: 1, windowStartedAt: NOW, handedOutAt: NOW + 10 * GRACE }
    expect(handedOut(rotatedWith(used), NOW + GRACE - 1, POLICY)).toBeNull()
    expect(handedOut(rotatedWith(used), NOW + GRACE, POLICY)?.previous).toMatchObject({
      windows: 2,
      windowStartedAt: NOW + GRACE,
    })
  })

  it('never takes an account back, also where the clock was stepped back', () => {
    const rotation = rotatedWith({ handedOutAt: NOW + 3_600_000, usedAt: NOW, windows: 0 })
    expect(handedOut(rotation, NOW, POLICY)?.previous?.handedOutAt).toBe(NOW + 3_600_000)
  })

  it('has nothing to say about a session that never rotated', () => {
    expect(handedOut(fresh, NOW, POLICY)).toBeNull()
  })
})

describe('the rules together', () => {
  const steps = fc.array(
    fc.record({
      wait: fc.integer({ min: 0, max: 2 * GRACE }),
      token: fc.constantFrom('old' as const, 'new' as const),
    }),
    { maxLength: 60 },
  )

  it('P3 a rotation settles only when no hand-out is younger than the grace, whatever the order of uses', () => {
    fc.assert(
      fc.property(steps, (uses) => {
        let rotation = rotated(fresh, successor, NOW, POLICY)
        let now = NOW
        let lastHandOut = NOW
        for (const { wait, token } of uses) {
          now += wait
          const used = useOf(token, rotation, now)
          if (used.handedOut) lastHandOut = now
          if (used.next.previous?.settledAt === now) expect(now - lastHandOut).toBeGreaterThanOrEqual(GRACE)
          rotation = used.next
        }
      }),
    )
  })

  it('P4 somebody who keeps the old token alive is found out, at the latest in the ninth grace window', () => {
    let rotation = rotated(fresh, successor, NOW, POLICY)
    const kinds: string[] = []
    for (let now = NOW; kinds.at(-1) !== 'reuse'; now += GRACE) {
      const use = verdictOf('second', rotation, now)
      if (use.kind === 'valid' && use.settling) rotation = use.settling
      const verdict = verdictOf('first', rotation, now)
      kinds.push(verdict.kind)
      rotation = handedOut(rotation, now, POLICY) ?? rotation
    }
    expect(kinds).toEqual([...Array<string>(MAX_WINDOWS).fill('superseded'), 'reuse'])
  })
})

function rotatedWith(state: Partial<PreviousSecret>): Rotation {
  const previous: PreviousSecret = {
    secretHash: 'first',
    salt: 'salt',
    keySlot: 0,
    handedOutAt: NOW + AHEAD,
    usedAt: null,
    windows: 0,
    windowStartedAt: null,
    settledAt: null,
    context: 'Firefox',
    ...state,
  }
  return { revision: 1, generation: 1, secretHash: 'second', rotatedAt: NOW, previous }
}

function verdictOf(secretHash: string, rotation: Rotation, now: number, generation: number | null = 0) {
  return judge(rotation, { secretHash, generation: () => generation }, now, POLICY, equal)
}

/** What a use of one of the two tokens makes of the rotation. */
function useOf(
  token: 'old' | 'new',
  rotation: Rotation,
  now: number,
): { next: Rotation; handedOut: boolean } {
  const verdict = verdictOf(token === 'old' ? 'first' : 'second', rotation, now)
  if (verdict.kind === 'superseded') {
    return { next: handedOut(rotation, now, POLICY) ?? rotation, handedOut: true }
  }
  return { next: (verdict.kind === 'valid' && verdict.settling) || rotation, handedOut: false }
}

function settlingOf(rotation: Rotation, now: number): Rotation | null {
  const verdict = verdictOf('second', rotation, now)
  if (verdict.kind !== 'valid') throw new Error(`judged ${verdict.kind}`)
  return verdict.settling
}

function equal(a: string, b: string): boolean {
  return a === b
}
