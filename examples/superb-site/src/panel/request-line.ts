import type { SessionEvent } from 'coatcheck'
import { type Entry, shownPath } from './entry.ts'
import { REFUSALS } from './reasons.ts'

/** What is known of one request when its headers leave. */
export interface RequestFacts {
  readonly method: string
  readonly url: string
  /** `null` while the page is still being made. */
  readonly status: number | null
  readonly finding: TokenFinding
  readonly cookie: CookieChange
}

export interface TokenFinding {
  /** How many cookies of the session's name came; their values are of no interest here. */
  readonly presented: number
  /** The session that the token opened: `null` for none, `undefined` where none was looked for. */
  readonly opened: string | null | undefined
  readonly events: readonly SessionEvent[]
}

export type CookieChange = 'new value' | 'cleared' | 'none'

/** The one line that each request has. */
export function requestLine({ method, url, status, finding, cookie }: RequestFacts, at: number): Entry {
  const shownMethod = method.slice(0, 10)
  const answer = status === null ? 'this page' : String(status)
  const text = `Token: ${describeToken(finding, cookie)}. Set-Cookie: ${cookie}.`
  return { at, tone: 'request', title: `${shownMethod} ${shownPath(url)} → ${answer}`, text }
}

/** What the session's cookie is told by the `Set-Cookie` headers of a response. Only names and attributes are looked at. */
export function cookieChange(setCookies: readonly string[], name: string): CookieChange {
  const own = setCookies.find((setCookie) => setCookie.startsWith(`${name}=`))
  if (own === undefined) return 'none'
  return own.startsWith(`${name}=;`) || /;\s*max-age=0/i.test(own) ? 'cleared' : 'new value'
}

/** How many cookies of that name a `Cookie` header holds. */
export function countCookies(header: string | undefined, name: string): number {
  return (header ?? '').split(';').filter((pair) => pair.trim().startsWith(`${name}=`)).length
}

function describeToken({ presented, opened, events }: TokenFinding, cookie: CookieChange): string {
  if (presented === 0) return 'none'
  const refusal = events.find((event) => event.name === 'token-refused')
  const several = presented > 1 ? `${presented} of them; ` : ''
  if (opened)
    return `${several}valid, touched${isHandOut(events, cookie) ? '; replaced meanwhile, its successor is sent' : ''}`
  if (refusal) return `${several}refused (${REFUSALS[refusal.reason].found})`
  if (opened === undefined) return 'not looked at, the request was refused before'
  return `${several}refused (not of this shop's making)`
}

/** A new value without anything that makes one: the successor of an earlier rotation, for a client that still holds the old token. */
function isHandOut(events: readonly SessionEvent[], cookie: CookieChange): boolean {
  return cookie === 'new value' && !events.some(({ name }) => ISSUING.has(name))
}

const ISSUING: ReadonlySet<string> = new Set(['created', 'logged-in', 'reauthenticated', 'rotated'])
