import { Browser, type ClientOptions } from '../client-models.ts'
import type { Jump } from '../clock.ts'
import type { World } from '../world.ts'

export const SECOND = 1_000
export const MINUTE: number = 60 * SECOND
export const HOUR: number = 60 * MINUTE

/** A browser that has signed in. */
export async function signedIn(
  world: World,
  name = 'browser',
  options: ClientOptions = {},
): Promise<Browser> {
  const browser = new Browser(world, name, options)
  await browser.request({ handle: (turn) => turn.login(world.user()) })
  return browser
}

/** One whose token is old enough to be replaced. */
export async function dueForRotation(world: World, name = 'browser'): Promise<Browser> {
  const browser = await signedIn(world, name)
  world.environment.advance(16 * MINUTE)
  return browser
}

/** So many requests in a row. */
export async function repeatedly(times: number, request: (index: number) => Promise<unknown>): Promise<void> {
  for (let index = 0; index < times; index++) await request(index)
}

/** Jumps that take a rotation through its life, to the edges of what `Timing` allows. */
export const GRACE: readonly Jump[] = [
  { by: 5 * SECOND, times: 3 },
  { by: 15 * SECOND, times: 3 },
  { by: 35 * SECOND, times: 2 },
  { by: 60 * SECOND, times: 3 },
]
