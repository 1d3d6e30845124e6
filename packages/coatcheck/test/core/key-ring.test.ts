import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { lengthPrefixed, utf8 } from '../../src/core/encoding.ts'
import { HmacKey } from '../../src/core/hmac.ts'
import { KeyRing } from '../../src/core/key-ring.ts'
import type { KeyState, MasterKey } from '../../src/core/keys.ts'
import { newSessionId } from '../../src/core/token.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

const environment = new FakeEnvironment()
const first = environment.randomBytes(32)
const second = environment.randomBytes(32)
const id = newSessionId(environment, null)
const secret = environment.randomBytes(24)

describe('a key ring', () => {
  it('issues under the current slot and knows the slots that it has', () => {
    const ring = new KeyRing([key(3, 'retired', first), key(15, 'current', second)], { name: 'default' })
    expect(ring.currentSlot).toBe(15)
    expect([ring.has(3), ring.has(15), ring.has(0)]).toEqual([true, true, false])
  })

  it('STO-04 verifies with next and retired keys as well as with the current one', () => {
    const states: KeyState[] = ['next', 'current', 'retired']
    const ring = new KeyRing(
      states.map((state, slot) => key(slot, state, environment.randomBytes(32))),
      { name: 'default' },
    )
    expect(states.map((_, slot) => ring.mac('x', slot).length)).toEqual([32, 32, 32])
    expect(ring.currentSlot).toBe(1)
  })

  it('gives the same MAC as long as master, name, purpose and parts are the same, whatever the state', () => {
    const issuing = new KeyRing([key(0, 'current', first)], { name: 'default' })
    const later = new KeyRing([key(0, 'retired', first), key(1, 'current', second)], { name: 'default' })
    expect(later.mac('csrf', 0, utf8('a'))).toEqual(issuing.mac('csrf', 0, utf8('a')))
  })

  it('gives another MAC for another slot, name, purpose, master or division into parts', () => {
    const ring = new KeyRing([key(0, 'current', first), key(1, 'retired', second)], { name: 'default' })
    const other = new KeyRing([key(0, 'current', first)], { name: 'admin' })
    const macs = [
      ring.mac('ab', 0, utf8('cd'), utf8('ef')),
      ring.mac('ab', 1, utf8('cd'), utf8('ef')),
      other.mac('ab', 0, utf8('cd'), utf8('ef')),
      ring.mac('abc', 0, utf8('d'), utf8('ef')),
      ring.mac('ab', 0, utf8('cde'), utf8('f')),
      ring.mac('ab', 0, utf8('cdef')),
      ring.mac('ab', 0, utf8('cd'), utf8('ef'), utf8('')),
    ]
    expect(new Set(macs.map((mac) => Buffer.from(mac).toString('hex'))).size).toBe(macs.length)
  })

  it('never uses a master key itself, nor one derived key for two uses', () => {
    const ring = new KeyRing([key(0, 'current', first)], { name: 'default' })
    expect(ring.mac('x', 0)).not.toEqual(new HmacKey(first).mac(lengthPrefixed([utf8('x')])))
    const successor = ring.deriveSuccessor(0, 'salt', id, secret)
    expect(ring.mac('salt', 0, utf8(id), secret).slice(0, 24)).not.toEqual(successor)
  })

  it('refuses to compute a MAC with a key that it has not', () => {
    const ring = new KeyRing([key(0, 'current', first)], { name: 'default' })
    expect(() => ring.mac('x', 1)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
  })

  it('keeps working when the arrays that it was made from are wiped', () => {
    const master = first.slice()
    const ring = new KeyRing([key(0, 'current', master)], { name: 'default' })
    const before = ring.mac('x', 0)
    master.fill(0)
    expect(ring.mac('x', 0)).toEqual(before)
  })

  it('P6 shows no key material when it is printed or serialised', () => {
    const ring = new KeyRing([key(0, 'current', first)], { name: 'default' })
    const shown = inspect(ring, { depth: 9, showHidden: true }) + JSON.stringify(ring)
    expect(shown).toContain('default')
    expect(shown).not.toContain('Map')
    expect(shown).not.toContain('KeyObject')
  })
})

describe('the successor of a secret', () => {
  const ring = new KeyRing([key(0, 'current', first), key(1, 'next', second)], { name: 'default' })

  it('P3 is the same on every node that has the key, whatever that node issues under', () => {
    const node = new KeyRing([key(0, 'retired', first), key(1, 'current', second)], { name: 'default' })
    const successor = ring.deriveSuccessor(0, 'salt', id, secret)
    expect(successor).toHaveLength(24)
    expect(node.deriveSuccessor(0, 'salt', id, secret)).toEqual(successor)
  })

  it('is another for another salt, id, secret, slot or name', () => {
    const otherId = newSessionId(environment, null)
    const otherName = new KeyRing([key(0, 'current', first)], { name: 'admin' })
    const successors = [
      ring.deriveSuccessor(0, 'salt', id, secret),
      ring.deriveSuccessor(0, 'salt2', id, secret),
      ring.deriveSuccessor(0, 'salt', otherId, secret),
      ring.deriveSuccessor(0, 'salt', id, environment.randomBytes(24)),
      ring.deriveSuccessor(1, 'salt', id, secret),
      otherName.deriveSuccessor(0, 'salt', id, secret),
    ].map((bytes) => (bytes ? Buffer.from(bytes).toString('hex') : 'none'))
    expect(new Set(successors).size).toBe(successors.length)
    expect(successors).not.toContain('none')
  })

  it('STO-04 is null where the key is gone', () => {
    expect(ring.deriveSuccessor(7, 'salt', id, secret)).toBeNull()
  })
})

describe('keys that make no ring', () => {
  it.each<[string, MasterKey[], string]>([
    ['no key at all', [], 'exactly one key in state "current"'],
    ['no current key', [key(0, 'retired', first)], 'exactly one key in state "current"'],
    ['two current keys', [key(0, 'current', first), key(1, 'current', second)], 'Key 2 of the key ring'],
    ['one slot twice', [key(4, 'current', first), key(4, 'retired', second)], 'uses slot 4'],
    [
      'one key in two slots',
      [key(4, 'current', first), key(5, 'retired', first)],
      'repeats the key of slot 4',
    ],
    ['a slot above 15', [key(16, 'current', first)], 'from 0 to 15'],
    ['a slot below 0', [key(-1, 'current', first)], 'from 0 to 15'],
    ['a slot that is no whole number', [key(0.5, 'current', first)], 'from 0 to 15'],
    ['a slot that is not a number', [key(Number.NaN, 'current', first)], 'from 0 to 15'],
    ['a state that does not exist', [key(0, 'active' as KeyState, first)], '"next", "current" or "retired"'],
    ['a short key', [key(0, 'current', first.slice(1))], '31 bytes'],
    ['a long key', [key(0, 'current', new Uint8Array([...first, 1]))], '33 bytes'],
    ['a key of zeros', [key(0, 'current', new Uint8Array(32))], 'repeats a single byte'],
    ['a key of one byte repeated', [key(0, 'current', new Uint8Array(32).fill(65))], 'repeats a single byte'],
  ])('STO-04 %s is an ERR_KEYS_INVALID that says so', (_, keys, message) => {
    expect(() => new KeyRing(keys, { name: 'default' })).toThrow(
      expect.objectContaining({ code: 'ERR_KEYS_INVALID', message: expect.stringContaining(message) }),
    )
  })

  it('accepts sixteen keys', () => {
    const keys = Array.from({ length: 16 }, (_, slot) =>
      key(slot, slot === 9 ? 'current' : 'retired', environment.randomBytes(32)),
    )
    expect(new KeyRing(keys, { name: 'default' }).currentSlot).toBe(9)
  })
})

function key(slot: number, state: KeyState, master: Uint8Array): MasterKey {
  return { slot, state, master }
}
