import { codeOf } from '../../src/accounts/totp.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** An app that has scanned a key. */
export function authenticator(key: string, now: () => number): { code(steps?: number): string } {
  const bits = [...key.replaceAll(/\s/g, '')]
    .map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0'))
    .join('')
  const secret = Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2))
  return { code: (steps = 0) => codeOf(secret, Math.floor(now() / 30_000) + steps) }
}
