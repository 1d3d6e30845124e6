import { describe, expect, it } from 'vitest'
import { resolveConnection, type TrustProxy } from '../../src/http/trusted-proxies.ts'

function connection(
  headers: Readonly<Record<string, string>>,
  trust: TrustProxy | undefined,
  remote: string | null = '10.0.0.1',
) {
  const peer = {
    encrypted: false,
    host: 'inner:8080',
    remoteAddress: remote,
    header: (name: string) => headers[name],
  }
  return resolveConnection(peer, trust)
}

const spoofed = {
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'shop.example',
  'x-forwarded-for': '203.0.113.7',
}

describe('a connection', () => {
  it('is what the socket shows where nobody claims anything else', () => {
    expect(connection({}, ['10.0.0.0/8'])).toEqual({
      encrypted: false,
      host: 'inner:8080',
      remoteAddress: '10.0.0.1',
      address: '10.0.0.1',
      proxy: 'none',
    })
  })

  it.each([
    ['by default', undefined, '10.0.0.1'],
    ['with an empty list', [], '10.0.0.1'],
    ['from outside the list', ['10.0.0.0/24'], '10.0.1.1'],
    ['from a Unix socket that is not listed', ['10.0.0.0/8'], null],
    ['with a function that says no', () => false, '10.0.0.1'],
  ] as const)('TRN-05 is not changed by forwarding headers %s', (_, trust, remote) => {
    expect(connection(spoofed, trust, remote)).toEqual({
      encrypted: false,
      host: 'inner:8080',
      remoteAddress: remote,
      address: remote,
      proxy: 'untrusted-headers',
    })
  })

  it.each([
    ['a network', ['192.0.2.1', '10.0.0.0/8'], '10.255.0.1'],
    ['an address', ['10.0.0.1'], '10.0.0.1'],
    ['an IPv4 address within IPv6', ['10.0.0.0/8'], '::ffff:10.0.0.1'],
    ['an IPv6 network', ['fd00::/8'], 'fd12::1'],
    ['everything of IPv4', ['0.0.0.0/0'], '192.0.2.1'],
    ['a Unix socket', ['unix'], null],
    ['a function', (address: string) => address === '10.0.0.1', '10.0.0.1'],
  ] as const)('is what a trusted proxy reports: %s', (_, trust, remote) => {
    expect(connection(spoofed, trust, remote)).toEqual({
      encrypted: true,
      host: 'shop.example',
      remoteAddress: remote,
      address: '203.0.113.7',
      proxy: 'trusted',
    })
  })

  it.each([
    ['10.2.0.0/15', '10.1.255.255', false],
    ['10.1.0.0/16', '10.1.0.0', true],
    ['10.1.2.3/32', '10.1.2.4', false],
    ['10.1.2.2/31', '10.1.2.3', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['0.0.0.0/0', '2001:db8::1', false],
  ])('reads %s to the bit: %s', (network, remote, within) => {
    expect(connection(spoofed, [network], remote).proxy).toBe(within ? 'trusted' : 'untrusted-headers')
  })

  it.each([
    ['the only address', '203.0.113.7', '203.0.113.7'],
    ['the nearest that is not trusted', '198.51.100.1, 203.0.113.7, 10.0.0.2', '203.0.113.7'],
    ['the first where all are trusted', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    [
      'text that is no address, since it is nobody who could be trusted',
      '203.0.113.7, unknown, 10.0.0.2',
      'unknown',
    ],
    ['the proxy where the list is empty', ' , ', '10.0.0.1'],
  ])('takes for the client %s', (_, chain, expected) => {
    expect(connection({ 'x-forwarded-for': chain }, ['10.0.0.0/8']).address).toBe(expected)
  })

  it('tells a function the distance of each address', () => {
    const seen: [string, number][] = []
    const trust = (address: string, hop: number) => seen.push([address, hop]) > 0
    connection({ 'x-forwarded-for': '203.0.113.7, 10.0.0.3, 10.0.0.2' }, trust)
    expect(seen).toEqual([
      ['10.0.0.1', 0],
      ['10.0.0.2', 1],
      ['10.0.0.3', 2],
    ])
  })

  it.each([
    [
      'the word of the trusted proxy, not what a client sent before it',
      '198.51.100.1, 203.0.113.7',
      'https, http, http',
      false,
    ],
    [
      'the word beside the client where every proxy has added one',
      '203.0.113.7, 10.0.0.2',
      'https, http',
      true,
    ],
    [
      'the word beside the client, not one that the client sent',
      '1.1.1.1, 203.0.113.7, 10.0.0.2',
      'https, http, https',
      false,
    ],
    ['a single word', '203.0.113.7, 10.0.0.2', 'https', true],
    ['a word in capitals', '203.0.113.7', 'HTTPS', true],
  ])('believes of the scheme %s', (_, chain, schemes, encrypted) => {
    const headers = { 'x-forwarded-for': chain, 'x-forwarded-proto': schemes }
    expect(connection(headers, ['10.0.0.0/8']).encrypted).toBe(encrypted)
  })

  it.each([
    [['10.0.0.0/33'], 'Option trustProxy[0] must be an address'],
    [['10.0.0.1', 'loopback'], 'Option trustProxy[1] must be an address'],
    [['10.0.0.1/x'], 'Option trustProxy[0] must be an address'],
    ['10.0.0.1', 'Option trustProxy must be a list of addresses or a function'],
    [true, 'Option trustProxy must be a list of addresses or a function'],
  ])('refuses the list %o', (trust, message) => {
    expect(() => connection(spoofed, trust as never)).toThrow(message)
  })
})
