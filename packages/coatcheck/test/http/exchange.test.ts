import { describe, expect, it } from 'vitest'
import { isForwarded, pathOf } from '../../src/http/exchange.ts'
import { hostnameOf, isLoopbackAddress, isLoopbackHost } from '../../src/http/host.ts'

describe('the path of a request', () => {
  it.each([
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a?b=/c', '/a'],
    ['/a?b?c', '/a'],
    ['/a%2Fb', '/a%2Fb'],
    ['//a/b', '//a/b'],
    ['https://shop.example/a/b?c', '/a/b'],
    ['https://shop.example', '/'],
    ['https://shop.example?x=/y', '/'],
    ['*', '*'],
    ['', ''],
  ])('of %s is %s', (url, path) => {
    expect(pathOf(url)).toBe(path)
  })
})

describe('forwarding headers', () => {
  it.each(['x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-for', 'forwarded'])(
    'TRN-05 %s is one',
    (name) => {
      expect(isForwarded({ header: (asked) => (asked === name ? '' : undefined) })).toBe(true)
    },
  )

  it('TRN-05 are not there where no header says so', () => {
    expect(isForwarded({ header: (name) => (name === 'via' ? '1.1 proxy' : undefined) })).toBe(false)
  })
})

describe('a Host header', () => {
  it.each([
    ['Shop.Example:8443', 'shop.example'],
    ['shop_1.example', 'shop_1.example'],
    ['[::1]:3000', '[::1]'],
    ['192.0.2.1', '192.0.2.1'],
    ['shop.example.', 'shop.example.'],
    ['a@b', null],
    ['a/b', null],
    ['a\\b', null],
    ['a b', null],
    ['a?b', null],
    ['a#b', null],
    ['a:b', null],
    ['a:', null],
    ['[::1', null],
    ['a:1:2', null],
    ['', null],
    [undefined, null],
  ])('%s names the host %s', (host, hostname) => {
    expect(hostnameOf(host)).toBe(hostname)
  })
})

describe('loopback', () => {
  it('TRN-01 is this machine by name and by address, and nothing that only looks like it', () => {
    for (const host of ['localhost', 'a.b.localhost', '127.0.0.1', '127.255.255.254', '[::1]']) {
      expect(isLoopbackHost(host)).toBe(true)
    }
    for (const host of [
      'localhost.example',
      '127.0.0.1.example',
      '127.0.0.256',
      '127.0.0',
      '::1',
      'localhost.',
    ]) {
      expect(isLoopbackHost(host)).toBe(false)
    }
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '::FFFF:127.1.2.3']) {
      expect(isLoopbackAddress(address)).toBe(true)
    }
    for (const address of ['10.0.0.1', '::2', '::ffff:10.0.0.1', '', 'localhost', '1127.0.0.1']) {
      expect(isLoopbackAddress(address)).toBe(false)
    }
  })
})
