/** A range of addresses as CIDR writes it; IPv4 as its mapped form. */
export interface Network {
  readonly groups: readonly number[]
  readonly bits: number
}

/** The network that `10.0.0.0/8`, `2001:db8::/32` or a single address stands for; `null` for anything else. */
export function parseNetwork(text: unknown): Network | null {
  const match = typeof text === 'string' ? /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) : null
  const groups = parseAddress(match?.[1] ?? '')
  const most = match?.[1]?.includes(':') ? 128 : 32
  const bits = match?.[2] === undefined ? most : Number(match[2])
  return groups === null || bits > most ? null : { groups, bits: bits + 128 - most }
}

/** Whether an address, as `parseAddress` answers it, lies in the network. */
export function isWithin(address: readonly number[], { groups, bits }: Network): boolean {
  return address.every((group, index) => {
    const significant = Math.min(16, Math.max(0, bits - index * 16))
    const shift = 16 - significant
    return group >> shift === (groups[index] ?? 0) >> shift
  })
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
