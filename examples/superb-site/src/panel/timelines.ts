import { randomBytes } from 'node:crypto'
import { Timeline } from './timeline.ts'

/** More visitors at once than a demo has; beyond that, who was seen longest ago loses the timeline, not the session. */
const MOST_TIMELINES = 500

/** The session that a request ends up with, as far as timelines are concerned. */
export interface Placement {
  /** The timeline that the request's cookie names, if any. */
  readonly timeline: Timeline | null
  /** The session that the request's token opened; `null` for none. */
  readonly opened: string | null
  /** The session that the response leaves the visitor with; `null` for none. */
  readonly session: { readonly id: string; readonly userId: string | null } | null
}

/**
 * All timelines, in memory and bounded. Who may see which:
 *
 * - A timeline is found by a random key in a cookie of its own (`__Host-`, HttpOnly, Lax, gone with the browser). The
 *   key is no credential: it opens nothing but the timeline. It is not derived from a token or a session id, both of
 *   which change at login, while the timeline should tell of before and after.
 * - Only who has a session has a timeline. Somebody who only looks around gets no cookie, and nothing is kept.
 * - It follows from session to session only within the request that issued the new one, never by `replaces` alone:
 *   otherwise who planted a token before a login would watch what its victim does afterwards.
 * - For the same reason every new session moves the timeline to a new key, and the old key shows nothing more: a planted
 *   timeline cookie is worth as little as a planted token.
 * - A session that a timeline does not know gets a new one, and so does another user's login: at a shared computer the
 *   next user does not read about the one before.
 * - The live stream asks for both, the key and a live session that the timeline knows. What others do with a session
 *   (ending it, replaying its token) shows to all timelines that know it, with no more than the kind of browser.
 */
export class Timelines {
  readonly #byKey = new Map<string, Timeline>()

  get size(): number {
    return this.#byKey.size
  }

  find(key: string | undefined): Timeline | null {
    const timeline = key === undefined ? undefined : this.#byKey.get(key)
    if (!timeline) return null
    // The map's order is that of use.
    this.#byKey.delete(timeline.key)
    this.#byKey.set(timeline.key, timeline)
    return timeline
  }

  /** All that tell of this session. */
  knowing(sessionId: string): readonly Timeline[] {
    return [...this.#byKey.values()].filter((timeline) => timeline.knows(sessionId))
  }

  all(): readonly Timeline[] {
    return [...this.#byKey.values()]
  }

  /** Where the request is told of. `isNew`: its key has to be sent. */
  place({ timeline, opened, session }: Placement): {
    readonly timeline: Timeline | null
    readonly isNew: boolean
  } {
    const latest = timeline?.latest ?? null
    if (session === null || (session.id === opened && latest?.knows(session.id))) {
      return { timeline: latest, isNew: false }
    }
    const from = session.id === opened ? null : timeline
    const past = from && goesOn(from, opened, session.userId) ? from : null
    const next = this.#create(session.userId ?? past?.userId ?? null)
    if (past) next.inherit(past)
    next.learn(session.id)
    if (from && !from.isRetired) {
      from.retire(next)
      this.#byKey.delete(from.key)
    }
    return { timeline: next, isNew: true }
  }

  #create(userId: string | null): Timeline {
    const timeline = new Timeline(randomBytes(16).toString('base64url'), userId)
    this.#byKey.set(timeline.key, timeline)
    const [oldest] = this.#byKey.keys()
    if (this.#byKey.size > MOST_TIMELINES && oldest !== undefined) this.#byKey.delete(oldest)
    return timeline
  }
}

/**
 * Whether the new session's timeline begins with the one that the request came with (never with a later one, whose key
 * it was not sent): it is the same visitor's, and no other user's.
 */
function goesOn(from: Timeline, opened: string | null, userId: string | null): boolean {
  const sameVisitor = opened === null || from.knows(opened)
  return sameVisitor && (from.userId === null || userId === null || from.userId === userId)
}
