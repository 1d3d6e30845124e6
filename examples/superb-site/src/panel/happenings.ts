import type { SessionEvent, SessionEvents } from 'coatcheck'
import { type Entry, shortId, shownPath, type Tone } from './entry.ts'
import { CSRF_REASONS, END_REASONS, REFUSALS } from './reasons.ts'

interface Words {
  readonly tone: Tone
  readonly title: string
  readonly text: string
}

/**
 * An event in words, `null` where it concerns no visitor. `elsewhere`: another request than the visitor's own caused it.
 *
 * A real shop would not tell its visitors why a token was refused: to whoever presents one, all reasons look alike
 * (AUD-05). This panel plays the operator's log, shown to the only person whom it concerns.
 */
export function describeEvent(event: SessionEvent, elsewhere: boolean): Entry | null {
  const describe = WORDS[event.name] as (event: SessionEvent) => Words | null
  const words = describe(event)
  if (words === null) return null
  const who =
    elsewhere && event.context?.label ? ` Caused from elsewhere: ${event.context.label.slice(0, 60)}.` : ''
  return { at: event.at, tone: words.tone, title: words.title, text: words.text + who }
}

type Describe = { readonly [N in keyof SessionEvents]: (event: SessionEvents[N]) => Words | null }

const WORDS: Describe = {
  created: ({ sessionId }) =>
    good('Session created', `Something was written for the first time. ${named(sessionId)} has a new token.`),
  'logged-in': ({ sessionId, replaces }) => good('Logged in', `${replacement(sessionId, replaces)}`),
  reauthenticated: ({ sessionId, replaces }) =>
    good('Identity confirmed again', `${replacement(sessionId, replaces)} Both clocks start anew.`),
  rotated: ({ generation }) =>
    good(
      'Token rotated',
      `Same session, new token: generation ${generation}. The old one is good until the new one has surely arrived.`,
    ),
  reused: ({ action }) =>
    bad(
      'Replaced token used again',
      `It came back after its successor was in use: somebody may hold a copy. ${action === 'end' ? 'The session was ended.' : 'It was reported.'}`,
    ),
  'shared-rotation': ({ action }) =>
    bad(
      'Another device holds the same token',
      `Its successor went to another browser than the one that rotated. ${action === 'end' ? 'The session was ended.' : 'It was reported.'}`,
    ),
  'hand-out-failed': () =>
    bad('Successor not sent again', 'The key that made it is not here; the old token goes on for now.'),
  ended: ({ sessionId, reason }) => {
    const { title, text } = END_REASONS[reason] ?? { title: 'Session ended', text: 'Its token is refused.' }
    return { tone: 'plain', title, text: `${named(sessionId)}: ${text}` }
  },
  'everyone-ended': () => bad('Every session ended', 'Everybody has to log in again.'),
  limited: ({ action }) =>
    action === 'refuse'
      ? bad('Too many sessions', 'The user has as many as are allowed; this login was refused.')
      : bad('Too many sessions', 'The one that was used least had to go.'),
  // The shop has no API keys.
  'key-rotated': () => null,
  'keys-guessed': () => null,
  'token-refused': ({ reason }) => bad('Token refused', REFUSALS[reason].text),
  'token-in-url': () =>
    bad('Token in the URL', 'It is never read there, and should be taken for leaked: URLs are logged.'),
  'handed-off': () => null,
  'hand-off-refused': () => null,
  'ticket-refused': () => null,
  'csrf-refused': ({ reason, method, path }) =>
    bad('Request refused: CSRF', `${method} ${shownPath(path)}: ${CSRF_REASONS[reason] ?? reason}.`),
  'csrf-would-refuse': ({ reason, method, path }) =>
    bad('Would be refused: CSRF', `${method} ${shownPath(path)}: ${CSRF_REASONS[reason] ?? reason}.`),
  'step-up-required': () => bad('Password asked for again', 'This needs a fresher proof of who you are.'),
  'write-dropped': ({ fields }) =>
    bad(
      'Late write dropped',
      `The session had ended when ${fields.join(', ').slice(0, 80)} should have been written. Nothing was revived.`,
    ),
  'commit-failed': () => bad('Write failed', 'It came too late or could not be stored, and is lost.'),
  'served-stale': () => bad('Served from memory', 'The store cannot say whether this session still lives.'),
  'store-failed': ({ operation }) =>
    bad('Store failed', `${operation}: requests are refused rather than answered as if you were nobody.`),
  'unsafe-option': () => null,
}

function good(title: string, text: string): Words {
  return { tone: 'good', title, text }
}

function bad(title: string, text: string): Words {
  return { tone: 'bad', title, text }
}

function named(id: string | null): string {
  return id === null ? 'The session' : `Session ${shortId(id)}`
}

function replacement(id: string | null, replaces: string | null): string {
  const before = replaces === null ? '' : ` Session ${shortId(replaces)} and its token are dead.`
  return `New session ${id === null ? '' : `${shortId(id)} `}with a new token.${before}`
}
