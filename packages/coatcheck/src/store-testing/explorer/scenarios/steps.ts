import type { Client, Reply } from '../client.ts'
import type { World } from '../world.ts'

export const SECOND = 1_000
export const MINUTE = 60 * SECOND

/** A browser that has signed in on the first node. */
export async function signedIn(world: World, name = 'browser'): Promise<Client> {
  const browser = world.client(name)
  await browser.login(world.nodes[0], world.userId)
  return browser
}

/** One whose token is old enough to be replaced. */
export async function dueForRotation(world: World): Promise<Client> {
  const browser = await signedIn(world)
  world.environment.advance(16 * MINUTE)
  return browser
}

/** Every one of the requests was the user's. */
export function expectSignedIn(world: World, replies: readonly Reply<unknown>[]): void {
  for (const { userId, error } of replies) {
    world.expect(error === undefined, `P3: an honest request failed with ${error}.`)
    world.expect(userId === world.userId, 'P3: an honest request was signed out.')
  }
}

/** The jar is good on both nodes, now and after the grace. */
export async function expectStillSignedIn(world: World, browser: Client): Promise<void> {
  for (const node of [...world.nodes, ...world.nodes]) {
    world.expect(
      (await browser.whoAmI(node)) === world.userId,
      'P3: an honest jar was signed out in the end.',
    )
    world.environment.advance(MINUTE)
  }
}

/** What was acknowledged is there exactly once, and nothing else is. */
export function expectItems(world: World, items: readonly string[], acknowledged: readonly string[]): void {
  const [is, should] = [[...items].sort(), [...acknowledged].sort()]
  world.expect(
    JSON.stringify(is) === JSON.stringify(should),
    `P2: acknowledged were ${should.join(' ')}, there are ${is.join(' ')}.`,
  )
}

/** Whether one of the nodes reported an event of this name. */
export function reported(world: World, name: string): boolean {
  return world.events.some((event) => event.name === name)
}
