import { describe, expect, it } from 'vitest'
import { CommonParts, eraOf } from '../../src/cache/common-part.ts'
import { beginningOf, FoldedRecord, toRecordText } from '../../src/cache/folded-record.ts'
import { toBase64Url } from '../../src/core/encoding.ts'
import type { PreviousSecret, SessionId, SessionRecord } from '../../src/core/record.ts'

const ID = Uint8Array.from({ length: 16 }, (_, index) => index * 7)

const PREVIOUS: PreviousSecret = {
  secretHash: 'p'.repeat(43),
  salt: 'salt',
  keySlot: 3,
  handedOutAt: 1_700_000_000_500.25,
  usedAt: null,
  windows: 2,
  windowStartedAt: 7,
  settledAt: 1_700_000_000_900,
  context: 'Firefox on Linux, 203.0.113.0/24',
}

const RECORD: SessionRecord = {
  id: toBase64Url(ID) as SessionId,
  rotation: {
    revision: 3,
    generation: 1,
    secretHash: 'h'.repeat(43),
    rotatedAt: 1_700_000_000_100.5,
    previous: PREVIOUS,
  },
  userId: 'user-1',
  replaces: 'AAAAAAAAAAAAAAAAAAAAAA' as SessionId,
  createdAt: 1_700_000_000_000.25,
  authenticatedAt: 1_700_000_000_000.25,
  lastSeenAt: 1_700_000_000_400,
  idleTimeout: 1_860_000,
  expiresAt: 1_700_043_200_000.75,
  lifetime: 'signedIn',
  transport: 'cookie',
  authentication: { methods: ['pwd', 'otp'], level: 'aal2' },
  device: { userAgent: 'Mozilla/5.0', address: '203.0.113.0/24', label: 'Firefox on Linux' },
  data: { cart: ['peg', { '"': [null, true, 1.5] }], theme: 'dark' },
  schemaVersion: 2,
  version: 9,
  epoch: 'everyone.the user.s',
}

describe('a folded record', () => {
  it.each<[string, Partial<SessionRecord>]>([
    ['everything', {}],
    ['no user', { userId: null, authenticatedAt: null, lifetime: 'anonymous' }],
    ['nothing to replace', { replaces: null }],
    ['no previous secret', { rotation: { ...RECORD.rotation, previous: null } }],
    ['neither', { rotation: { ...RECORD.rotation, previous: null }, replaces: null }],
    ['an epoch without a part of its own', { epoch: 'everyone' }],
    ['an empty epoch', { epoch: '' }],
    ['a proof from before', { authenticatedAt: 1_600_000_000_000 }],
  ])('comes out as it went in, with %s', (_what, change) => {
    const record = { ...RECORD, ...change }
    expect(unfolded(record)).toEqual(record)
  })

  it('is frozen through and through', () => {
    const { data, device, rotation } = unfolded(RECORD)
    for (const part of [data, data.cart, device, rotation, rotation.previous]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  it('begins with its user, and with no other whose name begins alike', () => {
    const text = toRecordText({ ...RECORD, userId: 'a"]' })
    expect(text.startsWith(beginningOf('a"]'))).toBe(true)
    for (const other of ['a', 'a"', 'a"],', '']) expect(text.startsWith(beginningOf(other))).toBe(false)
    expect(toRecordText({ ...RECORD, userId: null }).startsWith(beginningOf('null'))).toBe(false)
  })
})

describe('what records have in common', () => {
  it('is one object for those that are alike, and another where any of it differs', () => {
    const parts = new CommonParts()
    const common = parts.of(RECORD, 1_000)
    expect(parts.of({ ...RECORD, userId: 'somebody else', epoch: 'everyone.else' }, 1_000)).toBe(common)
    expect(parts.of(RECORD, 2_000)).not.toBe(common)
    expect(parts.of({ ...RECORD, idleTimeout: 1 }, 1_000)).not.toBe(common)
    expect(parts.of({ ...RECORD, epoch: 'nobody.else' }, 1_000)).not.toBe(common)
  })

  it('is right also after more kinds than are remembered', () => {
    const parts = new CommonParts()
    const kinds = Array.from({ length: 5_000 }, (_, idleTimeout) => parts.of({ ...RECORD, idleTimeout }, 1))
    expect(kinds.map(({ idleTimeout }) => idleTimeout)).toEqual(kinds.map((_, index) => index))
  })

  it('of epochs is what lies before the first dot', () => {
    expect([eraOf('a.b.c'), eraOf('a'), eraOf('')]).toEqual(['a.', 'a', ''])
  })
})

function unfolded(record: SessionRecord): SessionRecord {
  const common = new CommonParts().of(record, 60_000)
  const { lastSeenAt } = record
  return new FoldedRecord(toRecordText(record), { id: ID, common, lastSeenAt }).record
}
