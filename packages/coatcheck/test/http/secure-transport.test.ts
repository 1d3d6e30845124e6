import { describe, expect, it } from 'vitest'
import type { Connection } from '../../src/http/exchange.ts'
import { assertSecureTransport, assessTransport } from '../../src/http/secure-transport.ts'
import { fakeExchange } from './fake-exchange.ts'

const FAR = '203.0.113.77'

describe('secure transport', () => {
  it('TRN-01 is HTTPS from anywhere', () => {
    expect(verdict({ encrypted: true })).toBe('secure')
    expect(verdict({ encrypted: true, proxy: 'trusted', remoteAddress: '10.0.0.1' })).toBe('secure')
    expect(verdict({ encrypted: true, host: undefined, remoteAddress: null })).toBe('secure')
  })

  it.each([
    ['localhost', '127.0.0.1'],
    ['localhost:3000', '::1'],
    ['LOCALHOST:3000', '::ffff:127.0.0.1'],
    ['shop.localhost:8080', '127.0.0.1'],
    ['127.0.0.1:3000', '127.0.0.1'],
    ['127.9.9.9', '127.1.2.3'],
    ['[::1]:3000', '::1'],
    ['localhost', null],
  ])('TRN-01 is HTTP to %s from %s on this machine', (host, remoteAddress) => {
    expect(verdict({ encrypted: false, host, remoteAddress })).toBe('secure')
  })

  it.each([
    ['shop.example', '127.0.0.1'],
    ['localhost.evil.example', '127.0.0.1'],
    ['notlocalhost', '127.0.0.1'],
    ['127.0.0.1.evil.example', '127.0.0.1'],
    ['128.0.0.1', '127.0.0.1'],
    ['192.168.1.5:3000', '192.168.1.9'],
    ['localhost@shop.example', '127.0.0.1'],
    ['localhost, shop.example', '127.0.0.1'],
    ['[::2]', '::1'],
    ['', '127.0.0.1'],
    [undefined, '127.0.0.1'],
  ])('TRN-01 is not HTTP to %s', (host, remoteAddress) => {
    expect(verdict({ encrypted: false, host, remoteAddress })).toBe('no-tls')
  })

  it.each([FAR, '10.0.0.1', '::ffff:10.0.0.1', '::2', '127.0.0.1.example'])(
    'TRN-01 is not HTTP to localhost from %s',
    (remoteAddress) => {
      expect(verdict({ encrypted: false, host: 'localhost:3000', remoteAddress })).toBe('not-loopback')
    },
  )

  it('TRN-01 is not HTTP that a trusted proxy reports, though the proxy itself is on this machine', () => {
    const proxied = { encrypted: false, proxy: 'trusted', remoteAddress: '127.0.0.1' } as const
    expect(verdict({ ...proxied, address: FAR })).toBe('proxy-reports-http')
    expect(verdict({ ...proxied, address: FAR, host: 'localhost' })).toBe('not-loopback')
    expect(verdict({ ...proxied, address: '127.0.0.1', host: 'localhost' })).toBe('secure')
  })

  it('TRN-05 forwarding headers that nobody trusts change the explanation and nothing else', () => {
    const plain = { encrypted: false, proxy: 'untrusted-headers' } as const
    expect(verdict(plain)).toBe('untrusted-proxy')
    expect(verdict({ ...plain, host: 'localhost', remoteAddress: '127.0.0.1' })).toBe('secure')
    expect(verdict({ ...plain, encrypted: true })).toBe('secure')
  })

  it.each([
    [{}, 'plain HTTP'],
    [{ proxy: 'untrusted-headers' as const }, 'does not trust'],
    [{ proxy: 'trusted' as const }, 'X-Forwarded-Proto'],
    [{ host: 'localhost' }, 'another machine'],
  ])('says what is missing: %j', (connection, words) => {
    expect(() => assertSecureTransport(connectionOf({ encrypted: false, ...connection }), false)).toThrow(
      expect.objectContaining({
        code: 'ERR_INSECURE_TRANSPORT',
        message: expect.stringContaining(words),
      }),
    )
  })

  it('P11 lets HTTP pass under unsafeAllowHttp', () => {
    assertSecureTransport(connectionOf({ encrypted: false }), true)
  })
})

function connectionOf(connection: Partial<Connection>): Connection {
  return fakeExchange({ connection }).connection
}

function verdict(connection: Partial<Connection>): string {
  const assessed = assessTransport(connectionOf(connection))
  return assessed.secure ? 'secure' : assessed.reason
}
