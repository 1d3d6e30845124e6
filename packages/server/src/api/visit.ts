import { type JsonFields, type OpenedSession, openSession } from 'coatcheck'
import type { Authority } from '../authority.ts'
import { ProblemError } from '../http/problem.ts'
import { ServiceExchange, type ToldExchange } from './service-exchange.ts'
import { acceptedOrNot, refusedBy, type Verdict } from './verdict.ts'

/** What a service knows of the visitor that it asks about. */
export interface Presented {
  readonly token?: string | undefined
  readonly cookieHeader?: string | undefined
  readonly exchange?: ToldExchange | undefined
}

export interface Look extends Presented {
  readonly mode: 'full' | 'read' | 'peek'
  readonly consistency: 'bounded' | 'strong'
}

type MaybePromise<T> = T | Promise<T>
type Opened = OpenedSession<JsonFields>

/**
 * Judges a visitor's request as the library judges requests of its own: token, transport, source (CSRF), rotation,
 * activity. Answers at once where the near cache does. What is wrong with the visitor's request is a verdict; throws what is
 * wrong with the service's, and `StoreError`.
 */
export function validate(authority: Authority, look: Look): MaybePromise<Verdict> {
  const exchange = toExchange(authority, look)
  const { mode } = look
  try {
    const opening = openSession(authority.sessions, exchange, { mode })
    const visited = opening instanceof Promise ? opening.then(visit) : visit(opening)
    return visited instanceof Promise ? visited.catch(refusedBy) : visited
  } catch (error) {
    return refusedBy(error)
  }

  function visit(opened: Opened | null): MaybePromise<Verdict> {
    const known = requireOpened(opened)
    if (look.consistency === 'bounded' || known.session.id === null) return finish(known)
    return known.session.revalidate().then((alive) => {
      // Found again, so that the answer is what anybody gets who comes with it now.
      return alive ? finish(known) : validate(authority, { ...look, consistency: 'bounded' })
    })
  }

  function finish(opened: Opened): MaybePromise<Verdict> {
    const finishing = opened.finish()
    return finishing instanceof Promise ? finishing.then(() => answer(opened)) : answer(opened)
  }

  function answer(opened: Opened): Verdict {
    const verdict = acceptedOrNot(opened, exchange.response)
    opened.close()
    return verdict
  }
}

/** Policies that keep sessions out of requests are none of the server's. */
export function requireOpened(opened: Opened | null): Opened {
  if (opened === null) throw new Error('No policy of the server keeps sessions out.')
  return opened
}

/**
 * The exchange that a service tells of. A cookie is good for nothing without the request that it came with: what the browser
 * says of its source protects against other sites.
 */
export function toExchange({ settings }: Authority, presented: Presented): ServiceExchange {
  const { token, cookieHeader, exchange } = presented
  if (token === undefined && exchange === undefined) {
    throw invalid('Give the token of a client, or the exchange that a cookie came with.')
  }
  const has = (name: string) => Object.keys(exchange?.headers ?? {}).some((one) => one.toLowerCase() === name)
  if (token !== undefined && has('authorization')) {
    throw invalid('Give token or the header Authorization of the exchange, not both.')
  }
  if (cookieHeader !== undefined && has('cookie')) {
    throw invalid('Give cookieHeader or the header Cookie of the exchange, not both.')
  }
  return new ServiceExchange(exchange ?? { method: 'GET', url: settings.publicUrl.href, headers: {} }, {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(cookieHeader !== undefined && { cookie: cookieHeader }),
  })
}

function invalid(detail: string): ProblemError {
  return new ProblemError({ status: 400, code: 'invalid-request', detail })
}
