/**
 * An IP address as it may be kept: in one spelling, `full` or only its `network` (`203.0.113.0/24`,
 * `2001:db8:42::/48`). An IPv4 address within IPv6 counts as IPv4. `null` for anything that is no address: what a proxy
 * reports is text like any other.
 */
export function truncateAddress(address: string | null, detail: 'full' | 'network'): string | null {
  const groups = address === null ? null : parseAddress(address)
  if (groups === null) return null
  const v4 = embeddedV4(groups)
  if (v4 !== null) return detail === 'full' ? v4.join('.') : `${v4.slice(0, 3).join('.')}.0/24`
  return detail === 'full' ? spell(groups) : `${spell([...groups.slice(0, 3), 0, 0, 0, 0, 0])}/48`
}

/** The eight groups of an IPv6 address; IPv4 as its mapped form; `null` for anything that is no address. */
export function parseAddress(address: string): readonly number[] | null {
  const v4 = parseV4(address)
  if (v4 !== null) return [0, 0, 0, 0, 0, 0xffff, ...v4]
  const zoneless = address.replace(/%[\w.-]+$/, '')
  if (!/^[\da-f:.]{2,45}$/i.test(zoneless) || !zoneless.includes(':')) return null
  const [head, tail, more] = zoneless.split('::')
  if (more !== undefined || head === undefined) return null
  const left = parseGroups(head, tail === undefined)
  const right = tail === undefined ? [] : parseGroups(tail, true)
  if (left === null || right === null) return null
  const missing = 8 - left.length - right.length
  if (tail === undefined ? missing !== 0 : missing < 1) return null
  return [...left, ...Array<number>(missing).fill(0), ...right]
}

function parseGroups(text: string, last: boolean): readonly number[] | null {
  if (text === '') return []
  const parts = text.split(':')
  const groups: number[] = []
  for (const [index, part] of parts.entries()) {
    const v4 = last && index === parts.length - 1 ? parseV4(part) : null
    if (v4 !== null) groups.push(...v4)
    else if (/^[\da-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16))
    else return null
  }
  return groups
}

/** Dotted decimal as two groups of 16 bits. */
function parseV4(text: string): readonly [number, number] | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (match === null) return null
  const [a = 0, b = 0, c = 0, d = 0] = match.slice(1).map(Number)
  return Math.max(a, b, c, d) > 255 ? null : [a * 256 + b, c * 256 + d]
}

function embeddedV4(groups: readonly number[]): readonly number[] | null {
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (!mapped) return null
  const [high = 0, low = 0] = groups.slice(6)
  return [high >> 8, high & 255, low >> 8, low & 255]
}

/** RFC 5952: lower case, the longest run of zero groups as `::`. */
function spell(groups: readonly number[]): string {
  const run = longestZeroRun(groups)
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':')
  if (run.length < 2) return hex(groups)
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`
}

function longestZeroRun(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start }
  }
  return best
}
