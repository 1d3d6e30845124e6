import type { SessionEvent } from 'coatcheck'
import type { Entry } from './entry.ts'
import type { Timeline } from './timeline.ts'

const MOST_EVENTS = 30
const FINAL: ReadonlySet<string> = new Set(['ended', 'write-dropped'])

/**
 * What one request did, until its headers leave. Nothing of it shows before: only then it is known which timeline it
 * belongs to (a login moves it to another one).
 */
export class RequestTrace {
  readonly method: string
  readonly url: string
  /** Cookies of the session's name that came. */
  readonly presented: number
  /** That the request's cookie names. */
  readonly cameWith: Timeline | null
  /** The session that the token opened; `undefined` where the request was refused before. */
  opened: string | null | undefined
  readonly #events: SessionEvent[] = []
  readonly #waiting: Entry[] = []
  #timeline: Timeline | null
  #state: 'open' | 'answered' | 'over' = 'open'

  constructor(
    request: { readonly method: string; readonly originalUrl: string },
    found: { readonly presented: number; readonly timeline: Timeline | null },
  ) {
    this.method = request.method
    this.url = request.originalUrl
    this.presented = found.presented
    this.cameWith = found.timeline
    this.#timeline = found.timeline
  }

  get events(): readonly SessionEvent[] {
    return this.#events
  }

  /** What has not been told yet, oldest first. */
  get waiting(): readonly Entry[] {
    return this.#waiting
  }

  /** Where this request is told of, as far as is known. */
  get timeline(): Timeline | null {
    return this.#timeline?.latest ?? null
  }

  /** Whether events that show up now can be this request's: what it has started (timers) may live longer. */
  get isOver(): boolean {
    return this.#state === 'over'
  }

  /** Whether this request has seen the session's end: the handle that it holds still has its id. */
  hasLost(sessionId: string): boolean {
    return this.#events.some(({ name, sessionId: id }) => id === sessionId && FINAL.has(name))
  }

  note(event: SessionEvent, entry: Entry | null): void {
    if (this.#events.length >= MOST_EVENTS) return
    this.#events.push(event)
    if (entry === null) return
    if (this.#state === 'open') this.#waiting.push(entry)
    else this.timeline?.add(entry)
  }

  /** The headers leave: tells everything there is to the timeline, the request's own line last. */
  answer(timeline: Timeline | null, line: Entry): void {
    this.#timeline = timeline
    this.#state = 'answered'
    for (const entry of [...this.#waiting.splice(0), line]) timeline?.add(entry)
  }

  end(): void {
    this.#state = 'over'
  }
}
