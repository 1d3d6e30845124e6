import { ConfigError } from '../core/errors.ts'
import { isWithin, type Network, parseAddress, parseNetwork } from '../core/networks.ts'
import { type Connection, isForwarded } from './exchange.ts'

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
  header(name: string): string | undefined
}

/**
 * How a request came in when `X-Forwarded-For`, `-Proto` and `-Host` count as far as `trust` goes (TRN-05). The client is
 * the nearest address that is not trusted. Where proxies have appended their words rather than replaced them, the one
 * beside that address counts if every proxy has added one, else the last: it is the word of the proxy that we trust.
 */
export function resolveConnection(peer: Peer, trust: TrustProxy | undefined): Connection {
  const { encrypted, host, remoteAddress } = peer
  if (!isForwarded(peer)) return direct(peer, 'none')
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
  const networks = trust.flatMap((entry, index) => (entry === 'unix' ? [] : [networkOf(entry, index)]))
  const predicate = (address: string) => (address === '' ? unix : isWithinAny(address, networks))
  predicates.set(trust, predicate)
  return predicate
}

function networkOf(entry: unknown, index: number): Network {
  const network = parseNetwork(entry)
  if (network !== null) return network
  throw invalid(`[${index}] must be an address, a network such as 10.0.0.0/8, or 'unix'`)
}

function isWithinAny(address: string, networks: readonly Network[]): boolean {
  const groups = parseAddress(address)
  return groups !== null && networks.some((network) => isWithin(groups, network))
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
