import { describe, expect, it } from 'vitest'
import { connectionOf } from '../../src/adapters/next-exchange.ts'

const HOST = { host: 'shop.example' }
/** What Next adds to a request that came without. */
const FILLED_IN = {
  'x-forwarded-host': 'shop.example',
  'x-forwarded-proto': 'http',
  'x-forwarded-port': '3000',
}
const PROXIED = {
  ...HOST,
  'x-forwarded-host': 'shop.example',
  'x-forwarded-proto': 'https',
  'x-forwarded-for': '198.51.100.1, 203.0.113.7',
}

describe('how a request came in to Next', () => {
  it('TRN-05 is no more than its Host where no proxy is declared, whatever the headers say', () => {
    const direct = { ...HOST, ...FILLED_IN, 'x-forwarded-for': '203.0.113.7' }
    expect(connectionOf(new Headers(direct), {})).toEqual({
      encrypted: false,
      host: 'shop.example',
      remoteAddress: '203.0.113.7',
      address: null,
      proxy: 'none',
    })
    const { encrypted, address, proxy } = connectionOf(new Headers(PROXIED), {})
    expect({ encrypted, address, proxy }).toEqual({
      encrypted: false,
      address: null,
      proxy: 'untrusted-headers',
    })
    expect(connectionOf(new Headers(HOST), {}).proxy).toBe('none')
    expect(connectionOf(new Headers({ ...direct, forwarded: 'proto=https' }), {}).proxy).toBe(
      'untrusted-headers',
    )
  })

  it('TRN-05 is what as many proxies say as are declared', () => {
    const behind = (trustProxy: number) => connectionOf(new Headers(PROXIED), { trustProxy })
    expect(behind(1)).toMatchObject({ encrypted: true, address: '203.0.113.7', proxy: 'trusted' })
    expect(behind(2)).toMatchObject({ encrypted: true, address: '198.51.100.1', proxy: 'trusted' })
  })

  it('is what the platform says in headers of its own', () => {
    const connection = (headers: { get(name: string): string | null }) => ({
      address: headers.get('cf-connecting-ip'),
      encrypted: true,
    })
    const headers = new Headers({ ...HOST, 'cf-connecting-ip': '203.0.113.9' })
    expect(connectionOf(headers, { connection })).toMatchObject({
      address: '203.0.113.9',
      encrypted: true,
      host: 'shop.example',
    })
  })
})
