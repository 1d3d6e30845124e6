/** Longest name in characters. */
export const MAX_NAME_LENGTH = 128

/** What nobody sees, or what changes how the rest is read: control, format, surrogate, private and separator characters. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/u

/** A name as it is kept: composed, blanks around it gone, runs of blanks single. `null` for what is no name. */
export function toName(given: string): string | null {
  const name = given.normalize('NFKC').trim().replaceAll(/\s+/g, ' ')
  const length = [...name].length
  return length > 0 && length <= MAX_NAME_LENGTH && !UNSEEN.test(name) ? name : null
}

/** What two names have in common that are the same to people: compatibility forms and case are folded. */
export function nameKey(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC')
}
