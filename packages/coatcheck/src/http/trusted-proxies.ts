import { ConfigError } from '../core/errors.ts'
import { parseAddress } from './client-address.ts'
import { type Connection, hasForwardingHeaders } from './exchange.ts'

/**
 * Which proxies may speak for their clients, for platforms without a setting of their own: addresses and networks such
 * as `'10.0.0.0/8'`, `'unix'` for a peer on a Unix socket, or a function of an address (`''` for a Unix socket) and its
 * distance in hops.
 */
export type TrustProxy = readonly string[] | ((address: string, hop: number) => boolean)

/** What a socket shows of its other end, and the request that came over it. */
export interface Peer {
  readonly encrypted: boolean
  readonly host: string | undefined
  readonly remoteAddress: string | null
  readonly header: (name: string) => string | undefined
}

/**
 * How a request came in when `X-Forwarded-For`, `-Proto` and `-Host` count as far as `trust` goes (TRN-05). The client is
 * the nearest address that is not trusted. Where proxies have appended their words rather than replaced them, the one
 * beside that address counts if every proxy has added one, else the last: it is the word of the proxy that we trust.
 */
export function resolveConnection(peer: Peer, trust: TrustProxy | undefined): Connection {
  const { encrypted, host, remoteAddress } = peer
  if (!hasForwardingHeaders(peer.header)) return direct(peer, 'none')
  const trusts = trust === undefined ? trustsNobody : toPredicate(trust)
  if (!trusts(remoteAddress ?? '', 0)) return direct(peer, 'untrusted-headers')
  const chain = listOf(peer.header('x-forwarded-for'))
  const client = clientIndex(chain, trusts)
  const scheme = wordAbout(client, chain, listOf(peer.header('x-forwarded-proto')))
  return {
    encrypted: scheme === undefined ? encrypted : scheme.toLowerCase() === 'https',
    host: wordAbout(client, chain, listOf(peer.header('x-forwarded-host'))) ?? host,
    remoteAddress,
    address: chain[client] ?? remoteAddress,
    proxy: 'trusted',
  }
}

function direct({ encrypted, host, remoteAddress }: Peer, proxy: Connection['proxy']): Connection {
  return { encrypted, host, remoteAddress, address: remoteAddress, proxy }
}

const trustsNobody = () => false

const predicates = new WeakMap<readonly string[], (address: string) => boolean>()

/** Lists are read once, however often the same one is given. */
function toPredicate(trust: TrustProxy): (address: string, hop: number) => boolean {
  if (typeof trust === 'function') return trust
  const known = predicates.get(trust)
  if (known) return known
  if (!Array.isArray(trust)) throw invalid('must be a list of addresses or a function')
  const unix = trust.includes('unix')
  const networks = trust.flatMap((entry, index) => (entry === 'unix' ? [] : [parseNetwork(entry, index)]))
  const predicate = (address: string) =>
    address === '' ? unix : networks.some((network) => isWithin(address, network))
  predicates.set(trust, predicate)
  return predicate
}

interface Network {
  readonly groups: readonly number[]
  readonly bits: number
}

function parseNetwork(entry: unknown, index: number): Network {
  const match = typeof entry === 'string' ? /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) : null
  const groups = parseAddress(match?.[1] ?? '')
  const most = match?.[1]?.includes(':') ? 128 : 32
  const bits = match?.[2] === undefined ? most : Number(match[2])
  if (groups === null || bits > most) {
    throw invalid(`[${index}] must be an address, a network such as 10.0.0.0/8, or 'unix'`)
  }
  return { groups, bits: bits + 128 - most }
}

function isWithin(address: string, { groups, bits }: Network): boolean {
  const candidate = parseAddress(address)
  return (
    candidate?.every((group, index) => {
      const significant = Math.min(16, Math.max(0, bits - index * 16))
      const shift = 16 - significant
      return group >> shift === (groups[index] ?? 0) >> shift
    }) ?? false
  )
}

/** The last index whose address is not trusted, else the first; -1 for an empty chain. */
function clientIndex(chain: readonly string[], trusts: (address: string, hop: number) => boolean): number {
  let index = chain.length - 1
  while (index > 0 && trusts(chain[index] ?? '', chain.length - index)) index--
  return index
}

function wordAbout(client: number, chain: readonly string[], words: readonly string[]): string | undefined {
  return words.length === chain.length ? words[client] : words.at(-1)
}

function listOf(header: string | undefined): readonly string[] {
  if (header === undefined) return []
  return header
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
}

function invalid(problem: string): ConfigError {
  const gap = problem.startsWith('[') ? '' : ' '
  return new ConfigError('ERR_OPTION', `Option trustProxy${gap}${problem}.`)
}
