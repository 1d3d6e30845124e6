import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CorsOptions, createCors } from '../../src/http/cors.ts'

const ORIGINS = ['https://app.example', 'https://admin.app.example:8443', 'capacitor://localhost']
const cors = createCors({ origins: ORIGINS })

describe('CORS', () => {
  it('CORS-01 answers a listed origin with that origin, credentials and Vary', () => {
    for (const origin of ORIGINS) {
      expect(cors.headers(origin)).toEqual({
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': 'www-authenticate, dpop-nonce',
        vary: 'Origin',
      })
    }
  })

  it.each([
    'https://evil',
    'null',
    'https://app.example.evil',
    'https://evil-app.example',
    'https://sub.app.example',
    'https://admin.app.example',
    'https://app.example:444',
    'http://app.example',
    'https://app.example.',
    'https://app.example/',
    'https://app.example@evil',
    'https://evil@app.example',
    'https://app.example, https://evil',
    'https://app.example\r\nx: y',
    'capacitor://evil',
    '*',
    '',
    undefined,
  ])('CORS-01 answers any other origin with Vary alone: %s', (origin) => {
    expect(cors.headers(origin)).toEqual({ vary: 'Origin' })
    expect(Object.keys(cors.preflight(origin))).toEqual(['vary'])
    expect(cors.allows(origin)).toBe(false)
  })

  it('CORS-01 reflects nothing: an allowed origin is one of the configured texts', () => {
    const close = fc.array(
      fc.constantFrom('https://', 'app', '.example', ':443', 'evil', '@', '/', '.', 'HTTPS://', 'APP', ' '),
      {
        maxLength: 6,
      },
    )
    const origins = fc.oneof(
      close.map((parts) => parts.join('')),
      fc.string(),
      fc.constantFrom(...ORIGINS, 'HTTPS://APP.EXAMPLE:443'),
    )
    let allowed = 0
    fc.assert(
      fc.property(origins, (origin) => {
        const answer = cors.headers(origin)['access-control-allow-origin']
        if (answer === undefined) return
        allowed++
        expect(ORIGINS).toContain(answer)
      }),
      { numRuns: 2_000 },
    )
    expect(allowed).toBeGreaterThan(0)
  })

  it('answers a preflight with fixed lists', () => {
    expect(cors.preflight('https://app.example')).toEqual({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers': 'content-type, x-csrf-token, authorization, dpop',
      'access-control-max-age': '600',
      vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
    })
  })

  it('CORS-05 exposes what a client has to read of a 401, whatever else is exposed', () => {
    const open = createCors({ origins: ['https://app.example'], exposeHeaders: ['X-Total', 'DPOP-NONCE'] })
    const exposed = open.headers('https://app.example')['access-control-expose-headers']
    expect(exposed).toBe('X-Total, DPOP-NONCE, www-authenticate')
  })

  it('CORS-05 exposes the headers that it is told to, and leaves credentials out where asked', () => {
    const open = createCors({
      origins: ['https://app.example'],
      credentials: false,
      exposeHeaders: ['DPoP-Nonce', 'WWW-Authenticate'],
      methods: ['POST'],
      headers: ['dpop'],
      maxAge: '1h',
    })
    expect(open.headers('https://app.example')).toEqual({
      'access-control-allow-origin': 'https://app.example',
      'access-control-expose-headers': 'DPoP-Nonce, WWW-Authenticate',
      vary: 'Origin',
    })
    expect(open.preflight('https://app.example')).toMatchObject({
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'dpop',
      'access-control-max-age': '3600',
    })
  })

  it.each([
    ['cors.origins', {}],
    ['cors.origins', { origins: '*' }],
    ['cors.origins[0]', { origins: ['*'] }],
    ['cors.origins[0]', { origins: ['null'] }],
    ['cors.origins[0]', { origins: ['https://*.app.example'] }],
    ['cors.origins[0]', { origins: [/app/] }],
    ['cors.origins[1]', { origins: ['https://app.example', 'app.example'] }],
    ['cors.methods[0]', { origins: [], methods: ['*'] }],
    ['cors.headers[0]', { origins: [], headers: ['*'] }],
    ['cors.exposeHeaders[0]', { origins: [], exposeHeaders: ['*'] }],
    ['cors.headers[0]', { origins: [], headers: ['a\r\nb'] }],
    ['cors.maxAge', { origins: [], maxAge: '10 minutes' }],
    ['cors.origin', { origins: [], origin: true }],
  ])('CORS-01 refuses wildcards and what cannot work, naming %s: %j', (path, options) => {
    expect(() => createCors(options as unknown as CorsOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', message: expect.stringContaining(path) }),
    )
  })
})
