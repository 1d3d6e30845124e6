import type { Session } from '../http/session.ts'
import type { Sessions } from '../http/sessions.ts'

/** What has become of one kind of sessions in one request of Next: an action, and the page that is rendered after it. */
export interface Turn<D> {
  /** The session as the components of this request read it; `null`: not read yet, or an action has changed it since. */
  reading: Promise<Session<D>> | null
  /** An action has set or cleared the session's cookie, so that the request's own says nothing any more. */
  cookieChanged: boolean
}

/** The turn of a request, by the object that `headers()` answers throughout it. */
export function turnOf<D>(request: object, sessions: Sessions<D>): Turn<D> {
  let turns = TURNS.get(request)
  if (!turns) {
    turns = new Map()
    TURNS.set(request, turns)
  }
  let turn = turns.get(sessions) as Turn<D> | undefined
  if (!turn) {
    turn = { reading: null, cookieChanged: false }
    turns.set(sessions, turn)
  }
  return turn
}

const TURNS = new WeakMap<object, Map<object, unknown>>()
