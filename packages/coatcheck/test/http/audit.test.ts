import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { EventName } from '../../src/core/events.ts'
import { createHandOff } from '../../src/http/hand-off.ts'
import { openSession } from '../../src/http/open-session.ts'
import { createUpgradeTickets } from '../../src/http/tickets.ts'
import { memory } from '../../src/stores/memory.ts'
import {
  assertNoTokens,
  createTestSessions,
  FakeEnvironment,
  type TestSessions,
  type TestSessionsOptions,
} from '../../src/testing/index.ts'
import { Browser, type Visited } from '../helpers/browser.ts'
import { HeldFeed } from '../helpers/held-feed.ts'
import { contextOf, HOUR, keysOf, MINUTE, SECOND } from '../helpers/nodes.ts'
import { createKeyNode } from '../tokens/api-keys/key-nodes.ts'

/** Every event that there is: the type makes sure that none is missing here. */
const EVENTS: Readonly<Record<EventName, true>> = {
  created: true,
  'logged-in': true,
  reauthenticated: true,
  rotated: true,
  reused: true,
  'shared-rotation': true,
  'hand-out-failed': true,
  ended: true,
  'everyone-ended': true,
  limited: true,
  'token-refused': true,
  'key-rotated': true,
  'keys-guessed': true,
  'token-in-url': true,
  'handed-off': true,
  'hand-off-refused': true,
  'ticket-refused': true,
  'csrf-refused': true,
  'csrf-would-refuse': true,
  'step-up-required': true,
  'write-dropped': true,
  'commit-failed': true,
  'served-stale': true,
  'store-failed': true,
  'unsafe-option': true,
}

describe('AUD-01 a journey through everything that happens to sessions', () => {
  it('AUD-02 emits every event, and neither an event nor an error nor a log holds a secret of it', async () => {
    const sink = new Sink()
    await signInAndRotate(sink)
    await attack(sink)
    await breakThings(sink)
    await connectAndHandOff(sink)
    await useKeys(sink)
    await endEverything(sink)

    expect(sink.eventNames()).toEqual(Object.keys(EVENTS).sort())
    expect(sink.secrets.size).toBeGreaterThan(10)
    const secrets = [...sink.secrets]
    for (const entry of sink.entries) {
      assertNoTokens(entry, secrets)
      assertNoTokens(inspect(entry, { depth: 20, showHidden: true, getters: true }), secrets)
      assertNoTokens(json(entry), secrets)
    }
  })

  it('is looked through by a search that would find them', async () => {
    const sink = new Sink()
    await signInAndRotate(sink)
    const [secret = ''] = sink.secrets
    expect(() =>
      assertNoTokens(sink.entries.concat({ note: Buffer.from(secret).toString('base64') }), [
        ...sink.secrets,
      ]),
    ).toThrow('note')
  })
})

/** Everything that a log could be given, and every secret that was ever handed out. */
class Sink {
  readonly entries: unknown[] = []
  readonly secrets = new Set<string>()
  readonly #tests: Pick<TestSessions<unknown>, 'events' | 'errors'>[] = []

  create(options: Omit<TestSessionsOptions, 'data'> = {}) {
    const test = createTestSessions<{ a: number }>(options)
    test.sessions.on('*', (event) => this.entries.push(event))
    this.#tests.push(test)
    return test
  }

  createKeys() {
    const node = createKeyNode()
    node.apiKeys.on('*', (event) => this.entries.push(event))
    this.#tests.push(node)
    return node.apiKeys
  }

  /** Notes what a visit said and gave away. */
  note<T>(visited: Visited<T>): Visited<T> {
    this.entries.push(visited.error)
    for (const setCookie of visited.setCookies) {
      const token = /=([\w-]{68});/.exec(setCookie)?.[1]
      if (token !== undefined) this.secrets.add(token)
    }
    if (typeof visited.value === 'string' && /^[\w-]{44}$/.test(visited.value))
      this.secrets.add(visited.value)
    return visited
  }

  eventNames(): string[] {
    for (const { errors } of this.#tests) this.entries.push(...errors)
    return [...new Set(this.#tests.flatMap(({ events }) => events.names))].sort()
  }
}

async function signInAndRotate(sink: Sink): Promise<void> {
  const { sessions, environment } = sink.create()
  const browser = new Browser(sessions, { headers: { 'user-agent': 'Firefox' } })
  sink.note(await browser.get((session) => session.set('a', 1)))
  sink.note(await browser.get((session) => session.csrfToken()))
  sink.note(await browser.post((session) => session.login('ada')))
  sink.note(await browser.post((session) => session.reauthenticate({ methods: ['otp'] })))
  environment.advance(20 * MINUTE)
  const thief = browser.thief({ headers: { 'user-agent': 'curl/8' } })
  sink.note(await browser.get((session) => session.assertFresh('1m')))
  environment.advance(MINUTE)
  sink.note(await thief.get())
  environment.advance(5 * MINUTE)
  sink.note(await browser.get())
  sink.note(await browser.post((session) => session.logout()))
}

async function connectAndHandOff(sink: Sink): Promise<void> {
  const { sessions } = sink.create()
  const at = 'https://shop.example/hand-off'
  const handOff = createHandOff(sessions, { callback: at, sites: [at] })
  const tickets = createUpgradeTickets(sessions, { origins: [] })
  const browser = new Browser(sessions)
  sink.note(await browser.post((session) => session.login('ada')))
  const begun = handOff.begin({ at })
  const elsewhere = new Browser(sessions)
  elsewhere.jar.store(begun.setCookies)
  const secret = /=([\w-]{43})\./.exec(begun.setCookies.join())?.[1] ?? ''
  const [to, challenge] = [at, new URL(begun.location).searchParams.get('challenge')]
  const { value: issued } = await browser.get((session) => handOff.issue(session, { to, challenge }))
  const { code, state } = Object.fromEntries(new URL(issued?.ok ? issued.location : at).searchParams)
  const cookie = elsewhere.jar.header
  for (let time = 0; time < 2; time++) {
    sink.note(await elsewhere.get((session) => handOff.receive(session, { code, state, cookie })))
  }
  const { value: ticket } = await browser.get((s) => tickets.issue(s, { origin: undefined }))
  for (let time = 0; time < 2; time++) await tickets.redeem(ticket ?? '', undefined, contextOf('curl'))
  for (const each of [secret, code, ticket]) {
    expect(each).toMatch(/^[\w-]{32,}$/)
    sink.secrets.add(each ?? '')
  }
}

async function attack(sink: Sink): Promise<void> {
  const { sessions, environment, events } = sink.create()
  const browser = new Browser(sessions)
  sink.note(await browser.post((session) => session.login('ada')))
  const stolen = browser.thief()
  environment.advance(15 * MINUTE)
  sink.note(await browser.get())
  environment.advance(2 * MINUTE)
  sink.note(await browser.get())
  await sessions.flush()
  sink.note(await browser.get(undefined, { url: `/x?sid=${browser.token}` }))
  const forged = { url: `/s/${browser.token}`, headers: { 'sec-fetch-site': 'cross-site' } }
  sink.note(await browser.post(undefined, forged))
  const both = new Browser(sessions, {
    headers: { cookie: `__Host-sid=${browser.token}; __Host-sid=${stolen.token}` },
  })
  sink.note(await both.get())
  sink.note(await stolen.get())
  expect(events.of('reused')).not.toEqual([])

  const open = sink.create({ csrf: { unsafeReportOnly: true } })
  const lax = new Browser(open.sessions)
  sink.note(await lax.post((session) => session.login('ada')))
  sink.note(await lax.post(undefined, { ...forged, url: `/s/${lax.token}` }))
}

async function breakThings(sink: Sink): Promise<void> {
  const store = memory()
  const environment = new FakeEnvironment()
  const old = sink.create({ store, environment, keys: keysOf([0, 'current']) })
  const other = sink.create({ store, environment, keys: keysOf([1, 'current']), maxSessions: { count: 1 } })
  const browser = new Browser(old.sessions)
  sink.note(await browser.post((session) => session.login('ada')))
  for (const method of ['find', 'mutate'] as const) {
    old.store.fail(method, new Error('ECONNRESET'), { times: 1 })
    sink.note(await browser.get((session) => session.set('a', 1)))
  }
  old.store.hang('find', { times: 1 })
  const slow = browser.get()
  await environment.advanceAndSettle(5 * SECOND)
  sink.note(await slow)
  environment.advance(15 * MINUTE)
  sink.note(await browser.get(undefined, { lost: true }))
  sink.note(await browser.at(other.sessions).get())
  sink.note(await new Browser(other.sessions).post((session) => session.login('ada')))
  await outlast(sink)
}

/** A session from the near cache, in an outage that comes when its lease is out. */
async function outlast(sink: Sink): Promise<void> {
  const feed = new HeldFeed()
  const options = { nearCache: true, unsafeServeStale: '1m', store: feed.store } as const
  const { sessions, store, environment } = sink.create(options)
  const browser = new Browser(sessions)
  sink.note(await browser.post((session) => session.login('ada')))
  sink.note(await browser.get())
  feed.hold()
  environment.advance(2 * SECOND)
  store.fail('find', undefined, { times: 1 })
  sink.note(await browser.get())
}

async function useKeys(sink: Sink): Promise<void> {
  const apiKeys = sink.createKeys()
  const { text, key } = await apiKeys.create({ owner: 'ada' })
  const rotated = await apiKeys.rotate(key.id)
  const guess = `${text.slice(0, -1)}${text.endsWith('a') ? 'b' : 'a'}`
  for (const each of [text, rotated?.text ?? '', guess]) sink.secrets.add(each)
  for (let time = 0; time < 30; time++) {
    sink.entries.push(await apiKeys.verify(guess, { address: '198.51.100.9' }))
  }
}

async function endEverything(sink: Sink): Promise<void> {
  const { sessions, environment } = sink.create()
  const browser = new Browser(sessions)
  sink.note(await browser.post((session) => session.login('ada')))
  const gone = browser.get(async (session) => {
    session.set('a', 1)
    await sessions.revokeUser('ada')
  })
  sink.note(await gone)
  sink.note(await browser.post((session) => session.login('ada')))
  const opened = await openSession(sessions, browser.exchange())
  await opened?.finish()
  await opened?.session.commit()
  opened?.session.set('a', 2)
  opened?.close()
  await sessions.revokeEveryone()
  sink.note(await browser.get())
  environment.advance(13 * HOUR)
  await sessions.sweep()
}

function json(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    inner instanceof Error
      ? { ...inner, message: inner.message, stack: inner.stack, cause: inner.cause }
      : inner,
  )
}
