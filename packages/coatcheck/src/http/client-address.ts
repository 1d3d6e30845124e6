import { parseAddress } from '../core/networks.ts'

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
