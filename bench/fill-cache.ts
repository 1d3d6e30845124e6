import type { JsonFields, Sessions } from 'coatcheck'
import { CONTEXT, logIn, type SampleToken, userOfTen } from './fill.ts'
import { type Fields, USER } from './fixture.ts'

interface Order {
  /** Sessions in the store and in the near cache in the end. */
  readonly count: number
  /** How many of them are `USER`'s, spread evenly over all; their tokens are answered. */
  readonly sample: number
  readonly data: JsonFields
}

/** Logins under way at once: enough for round trips to overlap. */
const IN_FLIGHT = 100

/** Real logins, each of them validated once, after which the near cache has it; throws where it has not. */
export async function fillCache(sessions: Sessions<Fields>, order: Order): Promise<SampleToken[]> {
  await sessions.open()
  const tokens: SampleToken[] = []
  const step = Math.max(1, Math.floor(order.count / order.sample))
  const isSample = (index: number) => index % step === 0 && index / step < order.sample
  for (let start = 0; start < order.count; start += IN_FLIGHT) {
    const size = Math.min(IN_FLIGHT, order.count - start)
    const indexes = Array.from({ length: size }, (_, i) => start + i)
    const batch = await Promise.all(
      indexes.map((index) =>
        logIn(sessions, { userId: isSample(index) ? USER : userOfTen(index), data: order.data }),
      ),
    )
    await Promise.all(batch.map((token) => present(sessions, token)))
    for (const [i, token] of batch.entries()) {
      if (isSample(start + i)) tokens.push({ cookieName: sessions.http.cookie.name, token })
    }
  }
  const cached = cachedIn(sessions)
  if (cached !== order.count) throw new Error(`${cached} of ${order.count} sessions are in the near cache.`)
  return tokens
}

/** Whether the token is that of a live session, as a request finds it out that counts as no use. */
export async function present(sessions: Sessions<Fields>, token: string): Promise<boolean> {
  const request = { transport: 'cookie', context: CONTEXT, mode: 'peek', touch: false } as const
  const { ok } = await sessions.manager.validate(token, {
    ...request,
    consistency: 'bounded',
    onOutage: 'fail',
  })
  return ok
}

/** Sessions in the near cache. */
export function cachedIn(sessions: Sessions<Fields>): number {
  const metric = sessions.metrics().find(({ name }) => name === 'coatcheck.cache.sessions')
  return metric?.samples[0]?.value ?? 0
}
