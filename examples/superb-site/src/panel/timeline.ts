import { type Entry, NO_SESSION, type NumberedEntry, type SessionState } from './entry.ts'

/** Whoever watches a timeline live. */
export interface Follower {
  entry(entry: NumberedEntry): void
  state(state: SessionState): void
  /** The timeline goes on under another key: come again with the cookie that has just been sent. */
  moved(): void
}

/** How much one timeline keeps: the oldest goes first. */
const MOST_ENTRIES = 60
const MOST_SESSIONS = 8
const MOST_FOLLOWERS = 8

/** What happened to one visitor's sessions, in order. `Timelines` has the rules of who may see it. */
export class Timeline {
  readonly key: string
  /** Whose it is: the user who signed in last, also after the logout; `null` before. */
  readonly userId: string | null
  #state: SessionState = NO_SESSION
  #entries: NumberedEntry[] = []
  #last = 0
  #sessionIds: string[] = []
  readonly #followers = new Set<Follower>()
  #successor: Timeline | null = null

  constructor(key: string, userId: string | null) {
    this.key = key
    this.userId = userId
  }

  /** Oldest first. */
  get entries(): readonly NumberedEntry[] {
    return this.#entries
  }

  /** Number of the newest entry; 0 before the first. */
  get last(): number {
    return this.#last
  }

  get state(): SessionState {
    return this.#state
  }

  get isRetired(): boolean {
    return this.#successor !== null
  }

  /** This one, or the one that goes on in its place: to tell it something, never to read from. */
  get latest(): Timeline {
    return this.#successor?.latest ?? this
  }

  /** Whether it tells of this session. */
  knows(sessionId: string): boolean {
    return this.#sessionIds.includes(sessionId)
  }

  learn(sessionId: string): void {
    if (!this.knows(sessionId)) this.#sessionIds = [...this.#sessionIds, sessionId].slice(-MOST_SESSIONS)
  }

  add(entry: Entry): void {
    this.#last++
    const numbered = { ...entry, number: this.#last }
    this.#entries = [...this.#entries, numbered].slice(-MOST_ENTRIES)
    for (const follower of this.#followers) follower.entry(numbered)
  }

  /** For what others cause, such as a flood of dead tokens: a repetition is not told again. */
  addOnce(entry: Entry): void {
    const newest = this.#entries.at(-1)
    if (newest?.title !== entry.title || newest.text !== entry.text) this.add(entry)
  }

  show(state: SessionState): void {
    this.#state = state
    for (const follower of this.#followers) follower.state(state)
  }

  /** Answers what ends it, or `null` where too many follow already. */
  follow(follower: Follower): (() => void) | null {
    if (this.#followers.size >= MOST_FOLLOWERS) return null
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }

  /** Begins with what `before` tells. */
  inherit(before: Timeline): void {
    this.#last = before.#last
    this.#entries = before.#entries
    this.#sessionIds = before.#sessionIds
  }

  /** Nothing new shows here any more; requests under way tell their part to the successor. */
  retire(successor: Timeline): void {
    this.#successor = successor
    for (const follower of [...this.#followers]) follower.moved()
    this.#followers.clear()
  }
}
