/** The candidate that a mistyped name most likely means, or `null` where none is near. */
export function nearest(name: string, candidates: readonly string[]): string | null {
  let best: string | null = null
  let least = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of candidates) {
    const edits = distance(name.toLowerCase(), candidate.toLowerCase())
    if (edits < least) [best, least] = [candidate, edits]
  }
  return best
}

/** `is no setting.`, or with what was likely meant: `is no setting: did you mean port?`. */
export function notASetting(name: string, candidates: readonly string[]): string {
  const near = nearest(name, candidates)
  return near === null ? 'is no setting.' : `is no setting: did you mean ${near}?`
}

/** Single-character edits between two texts (Levenshtein). */
function distance(one: string, other: string): number {
  let above = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let row = 1; row <= one.length; row++) {
    const current = [row]
    for (let column = 1; column <= other.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (one[row - 1] === other[column - 1] ? 0 : 1)
      current[column] = Math.min(replaced, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1)
    }
    above = current
  }
  return above[other.length] ?? 0
}
