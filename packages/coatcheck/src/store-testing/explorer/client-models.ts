import type { SessionId } from '../../core/record.ts'
import { CookieJar } from '../../testing/cookie-jar.ts'
import type { MemoryResponse } from './memory-exchange.ts'
import { type Reply, type RequestOptions, travel } from './travel.ts'
import type { Traveller, Visit } from './visit.ts'
import type { World } from './world.ts'

/** Whoever holds a token and is looked at in the end. */
export interface Client extends Traveller {
  request<T>(options?: RequestOptions<T>): Promise<Reply<T>>
  /** What must hold once nobody does anything any more (P3). */
  assertSignedIn(): Promise<void>
}

export interface ClientOptions {
  /** Not who the token was given to. */
  readonly isThief?: boolean
  /** Goes on with the token that it has, whatever it is sent. */
  readonly storesNothing?: boolean
  readonly userAgent?: string
  readonly address?: string
}

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

/**
 * A browser: one jar for all its tabs, which stores what responses bring as they arrive. Its cookie file is written some
 * time later (`Timing.storage`); a browser that is killed comes back with the file's cookies.
 */
export class Browser implements Client {
  readonly name: string
  readonly userAgent: string
  readonly address: string
  readonly isHonest: boolean
  readonly #world: World
  readonly #storesNothing: boolean
  #jar = new CookieJar()
  #file = new CookieJar()
  /** Counts its lives: what was on the way to an earlier one arrives nowhere. */
  #life = 0
  readonly #sentBy = new Map<number, number>()
  /** Whose response the token in the jar came with. */
  #source: Visit | null = null

  constructor(world: World, name: string, options: ClientOptions = {}) {
    this.#world = world
    this.name = name
    this.userAgent = options.userAgent ?? FIREFOX
    this.address = options.address ?? '203.0.113.7'
    this.isHonest = !options.isThief
    this.#storesNothing = options.storesNothing ?? false
    if (this.isHonest) world.register(this)
    else world.allHonest = false
  }

  get token(): string | null {
    return this.#jar.get(this.#world.cookieName) ?? null
  }

  headers(): Readonly<Record<string, string>> {
    this.#sentBy.set(this.#world.nextVisit, this.#life)
    return this.token === null ? {} : { cookie: this.#jar.header }
  }

  request<T>(options: RequestOptions<T> = {}): Promise<Reply<T>> {
    return travel(this.#world, this, options)
  }

  receive(response: MemoryResponse, visit: Visit): void {
    if (this.#storesNothing || this.#sentBy.get(visit.number) !== this.#life) return
    const before = this.token
    this.#jar.receive(response.setCookies())
    if (this.token === before) return
    this.#source = visit
    if (this.token === null) this.#assertMayLose(before, visit)
    this.#world.scheduler.note(this.token === null ? 'cookie cleared' : 'new cookie')
    void this.#writeFile(this.#life)
  }

  /** Ends without warning and starts again with what its cookie file holds. */
  async kill(): Promise<void> {
    await this.#world.scheduler.point({
      actor: `${this.name}'s user`,
      label: 'kills the browser',
      effect: { client: this.name },
    })
    if (this.token !== null && this.token !== this.#file.get(this.#world.cookieName)) {
      this.#world.count('killed with a newer token')
    }
    this.#life += 1
    this.#jar = this.#file.copy()
  }

  /** Another jar with the same cookies, in whosever hands. */
  copyTo(other: Browser): void {
    other.#jar = this.#jar.copy()
  }

  /** The jar's token is good, or its session ended for a reason that the user knows of. */
  async assertSignedIn(): Promise<void> {
    const { lives, rotations, violations } = this.#world
    const { token } = this
    const facts = token === null ? null : rotations.factsOf(token)
    if (!facts || this.#isOverByRights(facts.id)) return
    const { visit } = await this.request({ tab: 'last look' })
    if (visit.accepted === facts.id || this.#isOverByRights(facts.id)) return
    violations.add('P3', `${this.name} is signed out of ${lives.name(facts.id)} in the end.`)
  }

  /** A response may clear the cookie where it signs out, and where the session is over. */
  #assertMayLose(before: string | null, visit: Visit): void {
    const { lives, rotations, violations, timing } = this.#world
    const facts = before === null ? null : rotations.factsOf(before)
    if (visit.loggedOut || !facts || lives.of(facts.id)?.end || !timing.isKept) return
    violations.add('P3', `${this.name} lost the token of ${lives.name(facts.id)}, which lives.`)
  }

  /** Whether the session is over, and all that took its place; and not because an honest client was taken for a thief. */
  #isOverByRights(id: SessionId): boolean {
    const { lives, options, allHonest } = this.#world
    const end = lives.of(id)?.end
    if (!end) return false
    if (end.reason === 'reuse' || end.reason === 'shared-rotation') return !allHonest
    if (end.reason !== 'replaced') return true
    if (end.replacedBy !== null && this.#isOverByRights(end.replacedBy)) return true
    // Two responses on the wire at once: the one that left first came last, and no server can prevent that.
    const overtaken = this.#source !== null && this.#source.finishedAt < end.at
    if (overtaken) this.#world.count('overtaken')
    return overtaken && options.mayBeOvertaken === true
  }

  async #writeFile(life: number): Promise<void> {
    const { scheduler, timing } = this.#world
    await scheduler.point({
      actor: `${this.name}'s disk`,
      label: 'writes the cookie file',
      effect: { client: this.name },
      within: timing.storage,
    })
    if (life === this.#life) this.#file = this.#jar.copy()
  }
}

/** A program that keeps its token itself, sends it as `Authorization: Bearer` and asks for rotation. */
export class BearerClient implements Client {
  readonly name: string
  readonly userAgent = 'node'
  readonly address = '203.0.113.9'
  readonly isHonest = true
  readonly #world: World
  #token: string | null = null

  constructor(world: World, name: string) {
    this.#world = world
    this.name = name
    world.register(this)
  }

  get token(): string | null {
    return this.#token
  }

  headers(): Readonly<Record<string, string>> {
    const authorization = this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }
    return { ...authorization, 'session-rotation': 'accept' }
  }

  request<T>(options: RequestOptions<T> = {}): Promise<Reply<T>> {
    return travel(this.#world, this, options)
  }

  /** Signs in and takes the token from the body of the answer. */
  async login(userId: string): Promise<void> {
    const { value } = await this.request({
      handle: async ({ session }) => (await session.login(userId, { transport: 'bearer' })).token,
    })
    if (value) this.#token = value
  }

  receive(response: MemoryResponse): void {
    this.#token = response.get('session-token') ?? this.#token
  }

  async assertSignedIn(): Promise<void> {
    const { lives, rotations, violations } = this.#world
    const facts = this.#token === null ? null : rotations.factsOf(this.#token)
    if (!facts) return
    const { visit } = await this.request({ tab: 'last look' })
    if (visit.accepted === facts.id) return
    violations.add('P3', `${this.name} is signed out of ${lives.name(facts.id)} in the end.`)
  }
}

/**
 * A server-side render: requests with a copy of the cookie that the browser sent, made while that request is being
 * answered. What they are sent goes nowhere.
 */
export class ServerSideRender implements Traveller {
  readonly name: string
  readonly userAgent: string
  readonly address: string
  readonly isHonest: boolean
  readonly token: string | null
  readonly #world: World
  readonly #cookie: string

  /** `visit`: the browser's request. */
  constructor(world: World, visit: Visit) {
    this.#world = world
    this.token = visit.token
    this.name = `render for ${visit.traveller.name}`
    this.userAgent = visit.traveller.userAgent
    this.address = visit.traveller.address
    this.isHonest = visit.traveller.isHonest
    this.#cookie = `${world.cookieName}=${visit.token ?? ''}`
  }

  headers(): Readonly<Record<string, string>> {
    return { cookie: this.#cookie }
  }

  receive(): void {}

  request<T>(options: RequestOptions<T> = {}): Promise<Reply<T>> {
    return travel(this.#world, this, options)
  }
}
