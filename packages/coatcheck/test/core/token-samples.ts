import { KeyRing } from '../../src/core/key-ring.ts'
import type { KeyState } from '../../src/core/keys.ts'
import { issueToken, newSecret, newSessionId, type ParsedToken, parseToken } from '../../src/core/token.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

/** What the tests about tokens share: keys, a session, its token, and ways to look at one. */
export const environment = new FakeEnvironment()
const masters = Array.from({ length: 3 }, () => environment.randomBytes(32))
export const ring = ringOf('default', [0, 'current'])
export const id = newSessionId(environment, 'user')
export const secret = newSecret(environment)
export const token = issueToken(ring, ring.currentSlot, id, secret, 7)

/** A ring of the given slots, each with the same master in every ring. */
export function ringOf(name: string, ...slots: readonly [number, KeyState][]): KeyRing {
  const keys = slots.map(([slot, state]) => ({ slot, state, master: masters[slot] ?? new Uint8Array() }))
  return new KeyRing(keys, { name })
}

export function accepted(by: KeyRing, text: string): ParsedToken {
  const parsed = parseToken(by, text)
  if (!parsed.ok) throw new Error(`refused as ${parsed.reason}`)
  return parsed
}

/** Every usual way in which `bytes` could show up in a text. */
export function formsOf(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes)
  return [
    ...(['base64', 'base64url', 'hex', 'latin1'] as const).map((form) => buffer.toString(form)),
    `${bytes}`,
  ]
}
