import { hmacSha1, sameText } from '../system.ts'

/** What every authenticator app knows: SHA-1, six digits, half a minute (RFC 6238). */
const STEP = 30_000
const DIGITS = 6

/** Steps before and after that count too: for clocks that are not quite right, and for people who type slowly. */
const DRIFT = 1

/** The code of a step (RFC 4226, section 5.3). */
export function codeOf(secret: Uint8Array, step: number): string {
  const counter = new DataView(new ArrayBuffer(8))
  counter.setBigUint64(0, BigInt(step))
  const mac = new DataView(hmacSha1(secret, new Uint8Array(counter.buffer)))
  const offset = mac.getUint8(19) & 0xf
  const number = (mac.getUint32(offset) & 0x7fff_ffff) % 10 ** DIGITS
  return String(number).padStart(DIGITS, '0')
}

/** The step of a code that is good at `now` (epoch milliseconds) and later than `after`; `null`: it is not. */
export function stepOf(secret: Uint8Array, code: string, now: number, after: number): number | null {
  const current = Math.floor(now / STEP)
  let found: number | null = null
  for (let step = current - DRIFT; step <= current + DRIFT; step++) {
    if (sameText(codeOf(secret, step), code) && step > after) found ??= step
  }
  return found
}

/** What an app is told of a secret, by a QR code or link. */
export function enrolmentUri(
  secret: Uint8Array,
  { site, name }: { readonly site: string; readonly name: string },
): string {
  // The colon separates the two for the apps.
  const [issuer, account] = [site, name].map((text) => encodeURIComponent(text.replaceAll(':', ' ')))
  return `otpauth://totp/${issuer}:${account}?secret=${base32(secret)}&issuer=${issuer}`
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** RFC 4648, for lengths that are a multiple of five bytes. */
export function base32(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 5) {
    let bits = bytes.subarray(at, at + 5).reduce((all, byte) => (all << 8n) | BigInt(byte), 0n)
    let group = ''
    for (let digit = 0; digit < 8; digit++, bits >>= 5n) group = ALPHABET.charAt(Number(bits & 31n)) + group
    text += group
  }
  return text
}
