import type { Scenario } from '../../src/store-testing/explorer/explore.ts'
import {
  GRACE,
  HOUR,
  MINUTE,
  repeatedly,
  SECOND,
  signedIn,
} from '../../src/store-testing/explorer/scenarios/steps.ts'
import type { World } from '../../src/store-testing/explorer/world.ts'
import type { SessionHandle } from '../../src/tokens/index.ts'
import { createTokens, type RefreshRequest, type TokenResult, type Tokens } from '../../src/tokens/index.ts'
import { contextOf } from '../helpers/nodes.ts'

/** Long enough for nothing but the family's own rules to matter. */
const LASTING = { idleTimeout: '12h', maxSessions: false } as const

/** Refresh families in the orders of bounded sets of requests, over real stores (RT-01, RT-02, RT-06, P1, P3, P4, P9). */
export const refreshScenarios: readonly Scenario[] = [
  {
    name: 'P3 RT-06 parallel refreshes of one token on two nodes end with one chain, whatever is lost',
    reaches: ['refreshed', 'rotate conflict', 'answer lost'],
    options: { sessions: LASTING },
    async run(world) {
      const { phone } = await setUp(world)
      const tab = (name: string) => () => repeatedly(3, () => phone.refresh(name, true))
      await world.race(GRACE, tab('request 1'), tab('request 2'), tab('request 3'))
      await phone.assertSignedIn()
    },
  },
  {
    name: 'P3 an answer that is lost is asked for again, however long that takes',
    reaches: ['refreshed', 'answer lost'],
    options: { sessions: LASTING },
    async run(world) {
      const { phone } = await setUp(world)
      await world.race([...GRACE, { by: HOUR, times: 2 }], () =>
        repeatedly(5, () => phone.refresh('request', true)),
      )
      await phone.assertSignedIn()
    },
  },
  {
    name: 'P3 access tokens that are used meanwhile settle nothing too early',
    reaches: ['refreshed', 'access token used', 'answer lost'],
    options: { sessions: LASTING },
    async run(world) {
      const { phone } = await setUp(world)
      await world.race(
        [...GRACE, { by: 5 * MINUTE, times: 2 }],
        () => repeatedly(4, () => phone.refresh('request', true)),
        () => repeatedly(4, () => phone.useAccess('resource')),
      )
      await phone.assertSignedIn()
    },
  },
  {
    name: 'P4 RT-02 a stolen token that comes after settling ends the family, and is told of',
    reaches: ['refreshed', 'reused'],
    options: { sessions: LASTING },
    async run(world) {
      const { phone, families } = await setUp(world)
      const thief = phone.stolen()
      await world.race(
        [{ by: 90 * SECOND, times: 6 }],
        () => repeatedly(4, () => phone.refresh('request', false, 100 * SECOND)),
        () => repeatedly(2, () => thief.refresh('thief', false, 150 * SECOND)),
      )
      const told = families.some(({ name }) => name === 'reused' || name === 'shared-rotation')
      world.expect(told || thief.refreshes === 0, 'P4', 'nobody was told of a thief who came.')
      world.environment.advance(5 * MINUTE)
      const [held, next] = [phone.token, await phone.goOn()]
      const isOld = next === null || ![held, next].includes(thief.token)
      const letIn = isOld && (await thief.goOn()) !== null
      world.expect(!letIn, 'P4', 'somebody with an older token than the owner has is let in.')
    },
  },
  {
    name: 'P1 P9 no refresh outlives a logout that was answered',
    reaches: ['refreshed', 'refused', 'logout'],
    options: { sessions: LASTING },
    async run(world) {
      const { phone, handle } = await setUp(world)
      let over = false
      const logout = async () => {
        await world.scheduler.point({ actor: 'user', label: 'logs out', effect: { all: true } })
        await world.nodes[0].sessions.revoke(handle.id, { reason: 'logout' })
        over = true
        world.count('logout')
      }
      const late = async () => {
        const wasOver = over
        const result = await phone.refresh('request', false)
        world.expect(!(wasOver && result?.ok), 'P9', 'a refresh that came after the logout was answered.')
      }
      await world.race(GRACE, () => repeatedly(4, late), logout)
      world.expect((await phone.goOn()) === null, 'P9', 'the refresh token outlives its session.')
    },
  },
]

async function setUp(world: World) {
  const tokens = world.nodes.map(({ sessions }) =>
    createTokens({ sessions, keys: SIGNER, issuer: 'https://accounts.example' }),
  ) as [Tokens, Tokens]
  const families: { readonly name: string }[] = []
  for (const one of tokens) {
    one.on('*', (event) => {
      families.push(event)
      world.count(event.name)
    })
  }
  const browser = await signedIn(world)
  const { id } = world.rotations.factsOf(browser.token ?? '') ?? {}
  if (!id) throw new Error('The browser has no token.')
  const handle = { id, userId: world.user() } satisfies SessionHandle
  const issued = await tokens[0].issue(handle, { id: 'phone', audience: 'https://orders.example' })
  if (!issued.ok) throw new Error('No tokens were issued.')
  world.environment.advance(5 * MINUTE)
  const phone = new Phone(world, tokens, issued)
  return { phone, handle, families }
}

/** Signs nothing: this is not about signatures, and nothing may take time of its own. */
const SIGNER = {
  longestLife: HOUR,
  sign: (_: string, claims: object) => Promise.resolve(JSON.stringify(claims)),
}

type Held = Pick<Extract<TokenResult, { ok: true }>, 'refreshToken' | 'accessToken'>

/** A client that goes on with the newest tokens that have reached it. */
class Phone {
  readonly #world: World
  readonly #tokens: readonly Tokens[]
  readonly #context: NonNullable<RefreshRequest['context']>
  #held: Held
  /** By the number of the request that brought them. */
  #heldFrom = 0
  #requests = 0
  refreshes = 0

  constructor(world: World, tokens: readonly Tokens[], held: Held, label = 'Phone app') {
    this.#world = world
    this.#tokens = tokens
    this.#held = held
    this.#context = contextOf(label)
  }

  get token(): string {
    return this.#held.refreshToken
  }

  /** Somebody else with the same tokens. */
  stolen(): Phone {
    return new Phone(this.#world, this.#tokens, this.#held, 'curl')
  }

  async refresh(actor: string, mayBeLost: boolean, after = 0): Promise<TokenResult | null> {
    const { scheduler, timing } = this.#world
    await scheduler.point({ actor, label: 'refreshes', after, effect: { client: 'phone' } })
    const presented = this.#held.refreshToken
    const request = ++this.#requests
    const tokens = await this.#node(actor)
    const result = await tokens.refresh(presented, { context: this.#context })
    this.refreshes++
    this.#world.count(result.ok ? 'refreshed' : 'refused')
    const outcomes = mayBeLost ? ['arrives', 'is lost'] : ['arrives']
    const point = { actor, label: 'answer', outcomes, effect: { client: 'phone' }, within: timing.response }
    if ((await scheduler.point(point)) === 'is lost') {
      this.#world.count('answer lost')
      return null
    }
    // What is older than what has come already changes nothing, if it was asked for with what is held no more.
    if (result.ok && (presented === this.#held.refreshToken || request > this.#heldFrom)) {
      this.#held = result
      this.#heldFrom = request
    }
    return result
  }

  async useAccess(actor: string): Promise<void> {
    await this.#world.scheduler.point({ actor, label: 'asks a service', effect: { client: 'phone' } })
    const claims = JSON.parse(this.#held.accessToken) as Parameters<Tokens['liveness']['isRevoked']>[0]
    const tokens = await this.#node(actor)
    const revoked = await tokens.liveness.isRevoked(claims)
    this.#world.expect(!revoked, 'P3', 'an access token of an honest client was refused.')
    this.#world.count('access token used')
  }

  /** The token to go on with, `null` where there is none. */
  async goOn(): Promise<string | null> {
    const result = await this.#tokens[0]?.refresh(this.token, { context: this.#context })
    return result?.ok ? result.refreshToken : null
  }

  async assertSignedIn(): Promise<void> {
    for (const tokens of this.#tokens) await tokens.flush()
    this.#world.expect((await this.goOn()) !== null, 'P3', 'the phone was signed out.')
  }

  async #node(actor: string): Promise<Tokens> {
    const names = this.#tokens.map((_, index) => `node ${index}`)
    const { timing } = this.#world
    const point = { actor, label: 'request reaches', outcomes: names, within: timing.request }
    const name = await this.#world.scheduler.point({ ...point, effect: { all: true } })
    return this.#tokens[names.indexOf(name)] as Tokens
  }
}
