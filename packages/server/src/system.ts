import { Buffer } from 'node:buffer'
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Environment } from 'coatcheck'

/** Clock and randomness of this machine; the only file of the server that reads either. */
export const systemEnvironment: Environment = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  randomBytes: (length: number) => new Uint8Array(randomBytes(length)),
  setTimer: (delay: number, callback: () => void) => {
    const timer = setTimeout(callback, delay)
    timer.unref()
    return () => clearTimeout(timer)
  },
})

/** SHA-256 as base64url. */
export function sha256(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** HMAC-SHA-256 as base64url. */
export function hmac(key: Uint8Array, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url')
}

/** Whether two texts are the same, in a time that tells nothing about where they differ. */
export function sameText(one: string, other: string): boolean {
  const left = Buffer.from(one)
  const right = Buffer.from(other)
  return left.length === right.length && timingSafeEqual(left, right)
}

/** A secret of `length` random bytes as base64url. */
export function randomText(environment: Environment, length: number): string {
  return Buffer.from(environment.randomBytes(length)).toString('base64url')
}
