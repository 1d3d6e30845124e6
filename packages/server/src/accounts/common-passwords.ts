import { readFileSync } from 'node:fs'

/** Passwords that are guessed first, in lower case, from a file with one a line; lines that begin with # are comments. */
export function readCommonPasswords(): ReadonlySet<string> {
  const lines = readFileSync(new URL('../../assets/common-passwords.txt', import.meta.url), 'utf8').split(
    '\n',
  )
  return new Set(lines.filter((line) => line !== '' && !line.startsWith('#')))
}
