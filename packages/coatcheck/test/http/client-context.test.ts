import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { truncateAddress } from '../../src/http/client-address.ts'
import {
  ClientContext,
  type ClientContextOptions,
  harmless,
  resolveClientContextOptions,
} from '../../src/http/client-context.ts'
import { labelUserAgent } from '../../src/http/user-agent-label.ts'
import { fakeExchange } from './fake-exchange.ts'

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36'
const ESC = '\u001b'

describe('the context of a client', () => {
  it('AUD-06 is the user agent, a label and the network of its address by default', () => {
    expect(contextOf({})).toEqual({
      userAgent: CHROME,
      address: '203.0.113.0/24',
      label: 'Chrome on Windows',
      fingerprint: 'Chrome on Windows, 203.0.113.0/24',
    })
  })

  it('AUD-06 keeps less or more as configured', () => {
    expect(contextOf({ address: 'full' })).toMatchObject({
      address: '203.0.113.77',
      fingerprint: 'Chrome on Windows, 203.0.113.0/24',
    })
    expect(contextOf({ address: 'none', userAgent: 'label' })).toEqual({
      userAgent: null,
      address: null,
      label: 'Chrome on Windows',
      fingerprint: 'Chrome on Windows, unknown network',
    })
  })

  it('is full of nulls for a client that says nothing', () => {
    expect(contextOf({}, undefined, null)).toEqual({
      userAgent: null,
      address: null,
      label: null,
      fingerprint: 'unknown client, unknown network',
    })
  })

  it('P4 has the same fingerprint for an update of the browser and another address of the network, and else another', () => {
    const fingerprint = (userAgent: string, address: string) => contextOf({}, userAgent, address).fingerprint
    const known = fingerprint(CHROME, '203.0.113.77')
    expect(fingerprint(CHROME.replace('156', '157'), '203.0.113.9')).toBe(known)
    expect(fingerprint(CHROME.replace('Windows', 'Linux'), '203.0.113.77')).not.toBe(known)
    expect(fingerprint(CHROME, '203.0.114.77')).not.toBe(known)
  })

  it('takes the address after proxy trust, not that of the socket', () => {
    const exchange = fakeExchange({ connection: { remoteAddress: '10.0.0.1', address: '198.51.100.7' } })
    expect(new ClientContext(exchange, resolveClientContextOptions()).address).toBe('198.51.100.0/24')
  })

  it.each([
    ['device.addres', { addres: 'full' }],
    ['device.address', { address: 'truncated' }],
    ['device.userAgent', { userAgent: false }],
  ])('refuses options that cannot work, naming %s', (path, options) => {
    expect(() => resolveClientContextOptions(options as unknown as ClientContextOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', message: expect.stringContaining(path) }),
    )
  })
})

describe('text of a client', () => {
  it.each([
    [`${ESC}[31mred${ESC}[0m`, 'red'],
    ['\u009b31mred', 'red'],
    [`${ESC}]0;title\u0007x`, ']0;title x'],
    ['a\r\nSet-Cookie: x=1', 'a Set-Cookie: x=1'],
    ['a\u0000b\u007fc', 'a b c'],
    ['a\u2028b\u2029c', 'a b c'],
    ['\u202eevil\u202c', 'evil'],
    ['zero\u200bwidth\ufeff', 'zero width'],
    ['  blanks  ', 'blanks'],
    ['\ud800lone', 'lone'],
    ['{"a":"b"}', '{"a":"b"}'],
    ['<script>alert(1)</script>', '<script>alert(1)</script>'],
  ])('HDR-08 AUD-03 is without controls, escapes and invisible characters: %j', (text, expected) => {
    expect(harmless(text)).toBe(expected)
  })

  it('HDR-08 is at most 256 characters, and null where nothing is left', () => {
    expect(harmless('x'.repeat(10_000))).toBe('x'.repeat(256))
    expect(harmless(`${'x'.repeat(255)}\u{1f36a}`)).toBe('x'.repeat(255))
    for (const nothing of [undefined, '', ' ', '\r\n', `${ESC}[0m`]) expect(harmless(nothing)).toBeNull()
  })

  it('HDR-08 AUD-03 is one printable line whatever came', () => {
    const pieces = fc.constantFrom(
      ESC,
      '\u009b',
      '[',
      '31m',
      ']',
      '\r',
      '\n',
      '\u202e',
      '\ud83c',
      'a',
      ' ',
      ';',
    )
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.array(pieces).map((list) => list.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const clean = harmless(text)
        if (clean === null) return
        expect(clean).not.toMatch(/[\p{C}\u2028\u2029]/u)
        expect(clean.length).toBeLessThanOrEqual(256)
        expect(clean).toBe(clean.trim())
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('the address of a client', () => {
  it.each([
    ['203.0.113.77', '203.0.113.0/24', '203.0.113.77'],
    ['0.0.0.0', '0.0.0.0/24', '0.0.0.0'],
    ['::ffff:203.0.113.77', '203.0.113.0/24', '203.0.113.77'],
    ['::FFFF:cb00:714d', '203.0.113.0/24', '203.0.113.77'],
    ['0:0:0:0:0:ffff:203.0.113.77', '203.0.113.0/24', '203.0.113.77'],
    ['2001:db8:42:7::1', '2001:db8:42::/48', '2001:db8:42:7::1'],
    ['2001:0DB8:0042:0007:0:0:0:1', '2001:db8:42::/48', '2001:db8:42:7::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8::/48', '2001:db8:0:1:1:1:1:1'],
    ['::1', '::/48', '::1'],
    ['::', '::/48', '::'],
    ['fe80::1%eth0', 'fe80::/48', 'fe80::1'],
    ['1::', '1::/48', '1::'],
    ['1:2:3:4:5:6:7::', '1:2:3::/48', '1:2:3:4:5:6:7:0'],
    ['64:ff9b::192.0.2.33', '64:ff9b::/48', '64:ff9b::c000:221'],
  ])('AUD-06 of %s is %s once truncated', (address, network, full) => {
    expect(truncateAddress(address, 'network')).toBe(network)
    expect(truncateAddress(address, 'full')).toBe(full)
  })

  it.each([
    '',
    'unknown',
    '203.0.113',
    '203.0.113.256',
    '203.0.113.77:443',
    '203.0.113.77, 10.0.0.1',
    '[::1]',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '12345::',
    'g::',
    '1.2.3.4::',
    '::1.2.3.4:5',
    ':1:2:3:4:5:6:7',
    '<script>',
    '127.0.0.1\r\nx',
  ])('AUD-03 is null for what is none: %j', (text) => {
    expect(truncateAddress(text, 'network')).toBeNull()
    expect(truncateAddress(text, 'full')).toBeNull()
  })

  it('AUD-06 is the same for all addresses of a network, and names no host', () => {
    const sameNetwork = fc.tuple(fc.ipV4(), fc.nat(255)).map(([address, host]) => {
      const network = address.split('.').slice(0, 3).join('.')
      return [address, `${network}.${host}`] as const
    })
    fc.assert(
      fc.property(sameNetwork, ([one, other]) => {
        expect(truncateAddress(one, 'network')).toBe(truncateAddress(other, 'network'))
        expect(truncateAddress(one, 'network')).toMatch(/\.0\/24$/)
      }),
    )
  })

  it('AUD-06 in full means the same address as it came, in one spelling', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const full = truncateAddress(address, 'full')
        expect(full).not.toBeNull()
        if (full?.includes(':'))
          expect(new URL(`http://[${full}]/`).host).toBe(new URL(`http://[${address}]/`).host)
        expect(truncateAddress(full, 'full')).toBe(full)
      }),
    )
  })
})

describe('the label of a user agent', () => {
  it.each([
    [CHROME, 'Chrome on Windows'],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
      'Safari on macOS',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
      'Safari on iOS',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/138.0.7204.119 Mobile/15E148 Safari/604.1',
      'Chrome on iOS',
    ],
    [`${CHROME} Edg/156.0.0.0`, 'Edge on Windows'],
    [`${CHROME} OPR/120.0.0.0`, 'Opera on Windows'],
    [
      'Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36',
      'Samsung Internet on Android',
    ],
    [
      'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
      'Chrome on ChromeOS',
    ],
    ['curl/8.5.0', 'curl'],
    ['node', 'Node.js'],
    ['okhttp/4.12.0 Android', 'Android'],
    ['SomeBot/1.0 (+https://bot.example)', null],
    ['Chromeless/1', null],
    [null, null],
  ])('of %s is %s', (userAgent, label) => {
    expect(labelUserAgent(userAgent)).toBe(label)
  })
})

function contextOf(
  options: ClientContextOptions,
  userAgent: string | undefined = CHROME,
  address: string | null = '203.0.113.77',
) {
  const headers = address === null ? {} : { 'user-agent': userAgent }
  const exchange = fakeExchange({ headers, connection: { address } })
  return new ClientContext(exchange, resolveClientContextOptions(options)).toJSON()
}
