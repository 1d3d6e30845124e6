import type { SessionId } from '../../core/record.ts'

/** What a script told: `tell` in `lua/prelude.ts`. */
export type Message =
  | { readonly number: number; readonly kind: 'session'; readonly id: SessionId }
  | { readonly number: number; readonly kind: 'user'; readonly userId: string }
  | { readonly number: number; readonly kind: 'everyone' }

/** The message of this text, which must not be empty; `null` for what no script of ours sends. */
export function parseMessage(text: string): Message | null {
  const [, digits, kind, what = ''] = /^(\d{1,16})([sue])(.*)$/s.exec(text) ?? []
  const number = Number(digits)
  switch (kind) {
    case 's':
      return { number, kind: 'session', id: what as SessionId }
    case 'u': {
      const userId = parseText(what)
      return userId === null ? null : { number, kind: 'user', userId }
    }
    case 'e':
      return { number, kind: 'everyone' }
    default:
      return null
  }
}

function parseText(json: string): string | null {
  try {
    const text: unknown = JSON.parse(json)
    return typeof text === 'string' ? text : null
  } catch {
    return null
  }
}
