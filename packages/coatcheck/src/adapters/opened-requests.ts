import type { OpenedSession } from '../http/opened-session.ts'

type Opened = Pick<OpenedSession<unknown>, 'abandon'>

/** On each request; a WeakMap would keep all of them until the next full garbage collection. */
const OPENED = Symbol('coatcheck opened')

/** One request may have sessions of several kinds. */
interface OpenedEntry {
  readonly sessions: object
  readonly opened: Opened
  readonly next: OpenedEntry | undefined
}

interface Carrier {
  [OPENED]?: OpenedEntry | undefined
}

/** What `noteOpened` has noted for these sessions, `null` where they have not been opened on that request. */
export function openedOn(request: object, sessions: object): Opened | null {
  for (let entry = (request as Carrier)[OPENED]; entry; entry = entry.next) {
    if (entry.sessions === sessions) return entry.opened
  }
  return null
}

/** Keeps what was opened on a request where middleware and error handlers of the same request find it. */
export function noteOpened(request: object, sessions: object, opened: Opened): void {
  const carrier: Carrier = request
  carrier[OPENED] = { sessions, opened, next: carrier[OPENED] }
}
