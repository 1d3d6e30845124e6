import { beforeAll, describe, expect, it } from 'vitest'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import { createDpop } from '../../../src/tokens/dpop/dpop.ts'
import { parseTarget } from '../../../src/tokens/dpop/target.ts'
import { ProofClient } from './client.ts'

const environment = new FakeEnvironment()
let client: ProofClient

beforeAll(async () => {
  client = await ProofClient.create(environment)
})

describe('the URL in a proof', () => {
  it.each([
    ['https://shop.example:443/orders', 'the default port'],
    ['https://shop.example:/orders', 'an empty port'],
    ['HTTPS://Shop.EXAMPLE/orders', 'capitals'],
    ['https://shop.example/%6Frders', 'an escape that needs to be none'],
    ['https://shop.example/a/../orders', 'dot segments'],
    ['https://shop.example/./orders', 'a dot'],
    ['https://shop.example/a/%2E%2e/orders', 'escaped dots'],
    ['https://shop.example/orders?page=2', 'a query'],
    ['https://shop.example/orders?page=2#top', 'a query and a fragment'],
    ['https://shop.example/orders#top', 'a fragment'],
  ])('DPOP-02 is the same as the request’s: %s (%s)', async (htu) => {
    expect(await verdict(htu, 'https://shop.example/orders')).toBe(true)
    expect(await verdict(htu, 'https://shop.example/orders?id=7')).toBe(true)
  })

  it.each([
    ['https://shop.example', 'https://shop.example/'],
    ['https://shop.example/', 'https://shop.example'],
    ['https://shop.example?x', 'https://shop.example/'],
    ['https://shop.example/~ann', 'https://shop.example/%7Eann'],
    ['https://shop.example/%c3%a4', 'https://shop.example/%C3%A4'],
    ['https://shop.example/a/', 'https://shop.example/a/b/..'],
    ['http://[::1]:8080/a|b', 'http://[::1]:8080/a|b'],
    ['http://127.0.0.1:8080/', 'http://127.0.0.1:8080/'],
  ])('DPOP-02 %s is the same as %s', async (htu, url) => {
    expect(await verdict(htu, url)).toBe(true)
  })

  it.each([
    ['http://shop.example/orders', 'another scheme'],
    ['https://evil.example/orders', 'another host'],
    ['https://shop.example.evil.example/orders', 'a longer host'],
    ['https://shop.example./orders', 'a dot behind the host'],
    ['https://shop.example:8443/orders', 'another port'],
    ['https://shop.example:80/orders', 'the port of another scheme'],
    ['https://shop.example/Orders', 'another case'],
    ['https://shop.example/orders/', 'a slash at the end'],
    ['https://shop.example//orders', 'a slash more'],
    ['https://shop.example/a%2Forders', 'an escaped slash'],
    ['https://shop.example/a/orders', 'a longer path'],
    ['https://shop.example/', 'no path'],
    ['https://ann:secret@shop.example/orders', 'a user'],
    ['https://shop.example@evil.example/orders', 'a host for a user'],
    ['https://evil.example\\@shop.example/orders', 'a backslash'],
    ['https:\\\\shop.example\\orders', 'backslashes'],
    ['https:///shop.example/orders', 'three slashes'],
    ['https:shop.example/orders', 'no slashes'],
    ['//shop.example/orders', 'no scheme'],
    ['/orders', 'a path alone'],
    ['ftp://shop.example/orders', 'a scheme that is not http'],
    [' https://shop.example/orders', 'a blank before it'],
    ['https://shop.example/orders\n', 'a line break behind it'],
    ['https://shop.ex\tample/orders', 'a tab within'],
    ['https://shöp.example/orders', 'letters beyond ASCII'],
    ['', 'nothing'],
  ])('DPOP-02 is another than the request’s: %j (%s)', async (htu) => {
    expect(await verdict(htu, 'https://shop.example/orders')).toBe(false)
  })

  it('DPOP-02 is at one of the configured origins, whatever Host says', async () => {
    const origins = ['https://api.example', 'https://API.example:8443/']
    const url = 'http://10.0.0.7:3000/orders'
    expect(await verdict('https://api.example/orders', url, { origins })).toBe(true)
    expect(await verdict('https://api.example:8443/orders', url, { origins })).toBe(true)
    expect(await verdict('https://api.example/orders', '/orders', { origins })).toBe(true)
    expect(await verdict(url, url, { origins })).toBe(false)
    const relayed = 'https://evil.example/orders'
    expect(await verdict(relayed, relayed, { origins })).toBe(false)
    expect(await verdict(relayed, relayed)).toBe(true)
  })

  it('DPOP-02 has the path before it that a proxy has taken off', async () => {
    const options = { origins: ['https://shop.example'], pathPrefix: '/api' }
    expect(await verdict('https://shop.example/api/orders', '/orders?x', options)).toBe(true)
    expect(await verdict('https://shop.example/orders', '/orders', options)).toBe(false)
  })

  it('is nothing where nobody can tell the request’s own', async () => {
    const request = { method: 'GET', url: null, proofs: [await client.proof({ url: 'https://a.example/' })] }
    expect(await createDpop({ environment }).check(request, null)).toMatchObject({ ok: false })
    const noUrl = { method: 'GET', url: '/', proof: await client.proof({ url: 'https://a.example/' }) }
    expect(await createDpop({ environment }).verify(noUrl)).toMatchObject({ ok: false })
  })

  it('reads a long URL in a time that grows with its length alone', () => {
    const long = `https://shop.example/${'../a/%7e'.repeat(20_000)}`
    expect(parseTarget(long)?.origin).toBe('https://shop.example')
    expect(parseTarget(`https://${'a.'.repeat(100_000)}\\`)).toBeNull()
  })
})

async function verdict(
  htu: string,
  url: string,
  options: Parameters<typeof createDpop>[0] = {},
): Promise<boolean> {
  const dpop = createDpop({ environment, ...options })
  const proof = await client.proof({}, { claims: { htu } })
  return (await dpop.verify({ method: 'GET', url, proof })).ok
}
