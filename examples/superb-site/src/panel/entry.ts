/** One thing that happened, as the page and the event stream show it. Never holds a token, nor anything that leads to one. */
export interface Entry {
  /** Epoch milliseconds. */
  readonly at: number
  readonly tone: Tone
  readonly title: string
  readonly text: string
}

/** `request`: the line of one request; `bad`: something was refused or lost. */
export type Tone = 'request' | 'plain' | 'good' | 'bad'

/** With its place in its timeline: 1, 2, 3 ... */
export interface NumberedEntry extends Entry {
  readonly number: number
}

/** What is left of the visitor's session, beside the timeline. */
export interface SessionState {
  /** The beginning of the public session id; `null` where nothing is stored. */
  readonly id: string | null
  readonly signedIn: boolean
  /** How often the token was rotated, where this timeline has seen it. */
  readonly generation: number | null
  /** Milliseconds. */
  readonly idle: number
  readonly absolute: number
}

export const NO_SESSION: SessionState = Object.freeze({
  id: null,
  signedIn: false,
  generation: null,
  idle: 0,
  absolute: 0,
})

/** Enough of a public session id to tell two apart; it proves nothing, but a whole one would only be in the way. */
export function shortId(id: string): string {
  return `${id.slice(0, 6)}…`
}

export function wholeMilliseconds(left: { readonly idle: number; readonly absolute: number }) {
  return { idle: Math.round(left.idle), absolute: Math.round(left.absolute) }
}

/** A path as it may be shown: without query, cut short, and without anything as long as a token. */
export function shownPath(url: string): string {
  const [path = ''] = url.split('?', 1)
  const harmless = path.replace(/(?:[\w-]|%[\da-f]{2}){40,}/gi, '[…]').replace(/[^ -~…]/g, '?')
  return harmless.length > LONGEST_PATH ? `${harmless.slice(0, LONGEST_PATH)}…` : harmless
}

const LONGEST_PATH = 60
