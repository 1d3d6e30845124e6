import { AsyncLocalStorage } from 'node:async_hooks'
import type { SessionEvent } from 'coatcheck'
import { sessionMiddleware } from 'coatcheck/express'
import type { Request, RequestHandler, Response } from 'express'
import type { Html } from '../html.ts'
import type { ShopSessions } from '../shop-sessions.ts'
import { NO_SESSION, type SessionState, shortId, wholeMilliseconds } from './entry.ts'
import { EventStreams } from './event-streams.ts'
import { describeEvent } from './happenings.ts'
import { beforeHeadersLeave, setCookiesOf } from './headers-leave.ts'
import { panelView } from './panel-view.ts'
import { policyLine } from './policy-line.ts'
import { cookieChange, countCookies, requestLine } from './request-line.ts'
import { RequestTrace } from './request-trace.ts'
import type { Timeline } from './timeline.ts'
import { findTimelineKey, setTimelineCookie } from './timeline-cookie.ts'
import { Timelines } from './timelines.ts'

export interface PanelOptions {
  /** Fires when the server closes, so that no open stream holds it up. */
  readonly closing?: AbortSignal | undefined
}

/**
 * The developer panel: follows what happens to each visitor's session by the library's events and by what requests and
 * responses show from outside. `Timelines` says who may see what.
 *
 * Events name sessions, not requests; which request caused one is known from the asynchronous context it comes up in.
 */
export class Panel {
  /** `GET /panel/events`: the visitor's timeline as it goes on. */
  readonly events: RequestHandler[]
  readonly #sessions: ShopSessions
  readonly #timelines = new Timelines()
  readonly #current = new AsyncLocalStorage<RequestTrace>()
  readonly #traces = new WeakMap<Request, RequestTrace>()
  readonly #policy: string

  constructor(sessions: ShopSessions, { closing }: PanelOptions = {}) {
    this.#sessions = sessions
    this.#policy = policyLine(sessions.describePolicy())
    const streams = new EventStreams(sessions, this.#timelines, closing)
    // To peek is no activity and creates nothing (EXP-07): watching the clock run down does not wind it up.
    this.events = [sessionMiddleware(sessions, { mode: 'peek', property: false }), streams.handler]
    sessions.on('*', (event) => this.#note(event))
  }

  /** The session middleware with eyes before and behind. */
  around(middleware: RequestHandler): RequestHandler[] {
    const before: RequestHandler = (request, response, next) => {
      const presented = countCookies(request.headers.cookie, this.#cookieName)
      const timeline = this.#timelines.find(findTimelineKey(request))
      const trace = new RequestTrace(request, { presented, timeline })
      this.#traces.set(request, trace)
      beforeHeadersLeave(response, () => this.#answer(trace, request, response))
      response.once('close', () => trace.end())
      this.#current.run(trace, next)
    }
    const behind: RequestHandler = (request, _response, next) => {
      const trace = this.#traces.get(request)
      if (trace) trace.opened = this.#sessions.of(request).id
      next()
    }
    return [before, middleware, behind]
  }

  /** Runs what a request merely sets off: what happens there has not happened to its visitor. */
  aside<T>(act: () => T): T {
    return this.#current.exit(act)
  }

  /** The panel for the foot of a page: the timeline so far, and what this request has done until now. Asks no store. */
  show(request: Request): Html {
    const trace = this.#traces.get(request)
    const timeline = trace?.cameWith ?? null
    const now = this.#now()
    const line = trace && requestLine({ ...factsOf(trace), status: null, cookie: 'none' }, now)
    return panelView({
      state: this.#stateOf(request, timeline),
      policy: this.#policy,
      entries: timeline?.entries ?? [],
      pending: [...(trace?.waiting ?? []), ...(line ? [line] : [])],
      last: timeline?.last ?? 0,
      absence: timeline === null ? absenceOf(request) : null,
    })
  }

  get #cookieName(): string {
    return this.#sessions.http.cookie.name
  }

  /** The sessions' own clock: their events are told by it. */
  #now(): number {
    return this.#sessions.manager.settings.environment.now()
  }

  #note(event: SessionEvent): void {
    const running = this.#current.getStore()
    const trace = running && !running.isOver ? running : null
    trace?.note(event, describeEvent(event, false))
    const entry = describeEvent(event, true)
    if (entry === null) return
    for (const timeline of this.#concernedBy(event)) {
      if (timeline !== trace?.timeline) timeline.addOnce(entry)
    }
  }

  #concernedBy(event: SessionEvent): readonly Timeline[] {
    if (event.name === 'everyone-ended') return this.#timelines.all()
    return event.sessionId === null ? [] : this.#timelines.knowing(event.sessionId)
  }

  #answer(trace: RequestTrace, request: Request, response: Response): void {
    const session = this.#sessionOf(request)
    const { timeline, isNew } = this.#timelines.place({
      timeline: trace.cameWith,
      opened: trace.opened ?? null,
      session: session?.id ? { id: session.id, userId: session.userId } : null,
    })
    const cookie = cookieChange(setCookiesOf(response), this.#cookieName)
    if (timeline && isNew) setTimelineCookie(response, timeline.key)
    trace.answer(
      timeline,
      requestLine({ ...factsOf(trace), status: response.statusCode, cookie }, this.#now()),
    )
    timeline?.show(this.#stateOf(request, timeline, trace))
  }

  #stateOf(request: Request, timeline: Timeline | null, trace?: RequestTrace): SessionState {
    const session = this.#sessionOf(request)
    const { id = null, remaining = null } = session ?? {}
    if (!session || id === null || remaining === null) return NO_SESSION
    const rotation = trace?.events.find((event) => event.name === 'rotated')
    const short = shortId(id)
    const before = timeline?.state.id === short ? timeline.state.generation : null
    const generation = rotation?.generation ?? before
    return { id: short, signedIn: session.userId !== null, generation, ...wholeMilliseconds(remaining) }
  }

  /** `null` where the request was refused before its session was opened, or has seen it end. */
  #sessionOf(request: Request): ReturnType<ShopSessions['of']> | null {
    const trace = this.#traces.get(request)
    if (trace?.opened === undefined) return null
    const session = this.#sessions.of(request)
    return session.id !== null && trace.hasLost(session.id) ? null : session
  }
}

/** Why there is no timeline to be shown. */
function absenceOf(request: Request): string {
  return request.headers['sec-fetch-site'] === 'cross-site'
    ? 'A page of another site sent this request. Your browser kept your cookies back, so nothing is known of your session here.'
    : 'Nothing is kept about requests before the first session: put something into the cart to begin.'
}

function factsOf(trace: RequestTrace) {
  const { method, url, presented, opened, events } = trace
  return { method, url, finding: { presented, opened, events } }
}
