import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSessions, keyRing, type Sessions } from '../../src/index.ts'
import { createRelyingParty, type RelyingParty, type TokenAnswer } from '../../src/relying-party/index.ts'
import { Browser } from '../helpers/browser.ts'
import { type LoadStore, openStore } from '../stores/load-stores.ts'
import { CLIENT, FakeProvider, REDIRECT_URI } from './provider.ts'

const SENT = { headers: { 'sec-fetch-site': 'cross-site' } }
const ROUNDS = 20

interface Node {
  readonly sessions: Sessions<object>
  readonly relyingParty: RelyingParty<object>
  readonly opened: LoadStore
}

/** Two nodes of an application over a real engine, with near caches, on the machine's own clock. */
export function describeRelyingParty(driver: string, addressOf: () => string): void {
  describe(`a relying party on ${driver}`, () => {
    const provider = new FakeProvider({ now: () => Date.now() })
    let nodes: readonly [Node, Node]
    let renewals = 0

    beforeAll(async () => {
      const refresh = async (): Promise<TokenAnswer> => {
        renewals++
        await new Promise((resolve) => setImmediate(resolve))
        return provider.answer({ access_token: `renewed-${renewals}` })
      }
      const open = () => openNode(driver, addressOf(), provider, refresh)
      nodes = [await open(), await open()]
    })
    afterAll(async () => {
      for (const { sessions, opened } of nodes) {
        await sessions.close()
        await opened.end()
      }
    })

    it('SSO-01 of one callback that comes to both nodes many times at once, one is let in', async () => {
      const { url, cookie } = await begun(nodes[0], provider, { sub: 'ada', sid: 'once' })
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, i) => come(nodes[i % 2] ?? nodes[0], provider, url, cookie)),
      )
      expect(outcomes.filter(({ outcome }) => outcome?.ok)).toHaveLength(1)
    })

    it('SSO-04 whatever the timing of a sign-in and its own notice, nobody stays signed in', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const [sub, sid] = [`bob-${round}`, `raced-${round}`]
        const { url, cookie } = await begun(nodes[0], provider, { sub, sid })
        // Not from before the ID token, which is issued while the two race: a second may begin in between.
        const notice = provider.notice(round % 2 ? { sid } : { sub, iat: provider.now + 2 })
        const [, answer] = await Promise.all([
          come(nodes[0], provider, url, cookie),
          later(round % 7).then(() => nodes[1].relyingParty.receiveLogout(notice)),
        ])
        expect(answer.status).toBe(200)
        expect((await nodes[0].sessions.list(`${sub} of ${provider.issuer}`)).sessions).toEqual([])
      }
    })

    it('SSO-03 of one notice that comes many times at once, one is taken', async () => {
      const notice = provider.notice({ sub: 'nobody' })
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, i) => nodes[i % 2]?.relyingParty.receiveLogout(notice)),
      )
      expect(answers.filter((answer) => answer?.status === 200)).toHaveLength(1)
    })

    it('renews tokens once for all requests of both nodes', async () => {
      const { url, cookie } = await begun(nodes[0], provider, { sub: 'cyd', sid: 'renewed' })
      const { browser, outcome } = await come(nodes[0], provider, url, cookie, 0)
      expect(outcome?.ok).toBe(true)
      const before = renewals
      const answers = await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const { sessions, relyingParty } = nodes[i % 2] ?? nodes[0]
          return (await browser.at(sessions).get((session) => relyingParty.tokens(session))).value
        }),
      )
      expect(renewals - before).toBe(1)
      expect(new Set(answers.map((tokens) => tokens?.accessToken))).toEqual(new Set([`renewed-${renewals}`]))
    })
  })
}

async function openNode(
  driver: string,
  address: string,
  { issuer, jwks }: FakeProvider,
  refresh: () => Promise<TokenAnswer>,
): Promise<Node> {
  const opened = openStore(driver, address)
  await opened.connect()
  const keys = keyRing([{ slot: 1, state: 'current', key: Buffer.alloc(32, 'a key').toString('base64url') }])
  const sessions = createSessions<object>({ store: opened.store, keys, sweepInterval: false })
  await sessions.open()
  const relyingParty = createRelyingParty({
    ...{ sessions, issuer, clientId: CLIENT, redirectUri: REDIRECT_URI, jwks, refresh },
    userId: ({ subject }) => `${subject} of ${issuer}`,
  })
  return { sessions, relyingParty, opened }
}

async function begun({ relyingParty }: Node, provider: FakeProvider, login: { sub: string; sid: string }) {
  const { parameters, setCookies } = await relyingParty.begin()
  return { url: provider.authorize(parameters, login), cookie: setCookies[0]?.split(';')[0] ?? '' }
}

async function come(node: Node, provider: FakeProvider, url: string, cookie: string, expires_in = 300) {
  const browser = new Browser(node.sessions)
  const exchange = async (asked: Parameters<FakeProvider['exchange']>[0]) => ({
    ...(await provider.exchange(asked)),
    expires_in,
  })
  const visited = await browser.get(
    (session) => node.relyingParty.callback(session, { url, cookie, exchange }),
    SENT,
  )
  return { browser, outcome: visited.value }
}

async function later(turns: number): Promise<void> {
  for (let i = 0; i < 4 * turns; i++) await new Promise((resolve) => setImmediate(resolve))
}
