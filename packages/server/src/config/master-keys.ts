import { type KeySource, keyRing } from 'coatcheck'

/** Master keys from `slot:key` or `slot:key:state`, separated by commas. Throws the library's `ConfigError`, which repeats no key. */
export function masterKeysOf(text: string): KeySource {
  return keyRing(
    text.split(',').map((entry, index) => {
      const [slot = '', key = '', state, ...more] = entry.trim().split(':')
      if (!/^\d{1,2}$/.test(slot) || key === '' || more.length > 0) {
        throw new TypeError(`entry ${index + 1} must read slot:key or slot:key:state.`)
      }
      return { slot: Number(slot), key, ...(state && { state: state as 'next' | 'current' | 'retired' }) }
    }),
  )
}
