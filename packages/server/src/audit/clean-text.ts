/** Longest text that an entry keeps, in characters: a user id may be that long. */
const LONGEST = 256

/**
 * What ends a line, moves a cursor, colours a terminal or reorders what is read: controls (C0, DEL, C1), line and paragraph
 * separators, marks of bidirectional text, byte order marks.
 */
const HARMFUL = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu

/**
 * A text that is safe in a line of a log, a terminal and every database (AUD-03): whoever sent it. What would be read as
 * something other than text becomes U+FFFD, which shows that something was there; what is too long is cut.
 */
export function cleanText(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text
  return cut.toWellFormed().replaceAll(HARMFUL, '\ufffd')
}

/** The same, where there may be none. */
export function cleanTextOrNull(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : cleanText(text)
}
