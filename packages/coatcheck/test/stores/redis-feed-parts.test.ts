import { describe, expect, it } from 'vitest'
import { FeedChannels } from '../../src/stores/redis/feed-channels.ts'
import { parseMessage } from '../../src/stores/redis/feed-message.ts'
import { parseSlots, slotOf } from '../../src/stores/redis/feed-slots.ts'

describe('the slot of a key', () => {
  it.each([
    { name: '123456789', slot: 0x31c3 },
    { name: 'foo', slot: 12_182 },
    { name: 'coatcheck:{foo}:changes', slot: 12_182 },
    { name: '{foo}{bar}', slot: 12_182 },
    { name: '', slot: 0 },
  ])('is what Redis makes of it: $name', ({ name, slot }) => {
    expect(slotOf(name)).toBe(slot)
  })

  it('is that of the whole key where the tag is empty or open', () => {
    expect(slotOf('a{}b')).not.toBe(slotOf(''))
    expect(slotOf('foo{bar')).not.toBe(slotOf('bar'))
  })
})

describe('the slots that a server has', () => {
  const slots = parseSlots(' 0-99 200 [50->-0f3a] [300-<-77aa]')

  it('are those of its ranges', () => {
    const owned = [0, 99, 100, 200, 201, 300].filter((slot) => slots.isOwned(slot))
    expect(owned).toEqual([0, 99, 200])
  })

  it('are stable but where it gives one away', () => {
    expect([49, 50, 51, 200, 300].filter((slot) => slots.isStable(slot))).toEqual([49, 51, 200])
  })

  it('are none for a replica', () => {
    expect(parseSlots('').isOwned(0)).toBe(false)
  })
})

describe('a message of a change', () => {
  it('says what has changed, and its number', () => {
    expect(parseMessage('1800000000000123sAbc')).toEqual({
      number: 1_800_000_000_000_123,
      kind: 'session',
      id: 'Abc',
    })
    expect(parseMessage('7u"a\\"b\\n"')).toEqual({ number: 7, kind: 'user', userId: 'a"b\n' })
    expect(parseMessage('8u"a\u2028"')).toEqual({ number: 8, kind: 'user', userId: 'a\u2028' })
    expect(parseMessage('9e')).toEqual({ number: 9, kind: 'everyone' })
  })

  it.each(['s', '5', 'x5e', '5x', '5uada', '5u7', '5unull', '-5e', '123456789012345678e'])(
    'is nothing else: %s',
    (text) => {
      expect(parseMessage(text)).toBeNull()
    },
  )
})

describe('channels', () => {
  it('lie in the slot of the keys of their partition, whatever their prefix', () => {
    for (const prefix of ['coatcheck:', 'own:{x}:coatcheck:', '']) {
      const channels = new FeedChannels(`${prefix}{00}:changes`)
      expect(channels.nameOf(0x4f)).toBe(`${prefix}{4f}:changes`)
      expect(channels.keysOf(0x4f)[0]).toBe(`${prefix}{4f}:sessions`)
      expect(channels.slotOf(0x4f)).toBe(slotOf(`${prefix}{4f}:users`))
      expect(channels.partitionOf(`${prefix}{4f}:changes`)).toBe(0x4f)
      expect(channels.partitionOf('other')).toBeUndefined()
    }
  })
})
