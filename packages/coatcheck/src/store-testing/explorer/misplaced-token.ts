import { type Reply, travel } from './travel.ts'
import type { Traveller } from './visit.ts'
import type { World } from './world.ts'

/** Somebody who sends the token of a cookie as `Authorization: Bearer`. */
export class MisplacedToken implements Traveller {
  readonly name = 'misplaced token'
  readonly userAgent = 'curl/8.0'
  readonly address = '198.51.100.1'
  readonly isHonest = false
  /** None that is good for anything. */
  readonly token = null
  readonly #world: World
  readonly #cookie: string

  constructor(world: World, cookie: string) {
    this.#world = world
    this.#cookie = cookie
  }

  headers(): Readonly<Record<string, string>> {
    return { authorization: `Bearer ${this.#cookie}` }
  }

  receive(): void {}

  request(): Promise<Reply<unknown>> {
    return travel(this.#world, this)
  }
}
