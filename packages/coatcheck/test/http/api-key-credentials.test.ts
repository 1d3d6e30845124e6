import { describe, expect, it } from 'vitest'
import { toApiKeyText } from '../../src/core/api-key-text.ts'
import { newSecret, newSessionId } from '../../src/core/token.ts'
import { findApiKey } from '../../src/http/api-key-credentials.ts'
import { findCredentials } from '../../src/http/credentials.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { FakeExchange } from '../helpers/fake-exchange.ts'

const environment = new FakeEnvironment()
const KEY = key()
const OTHER = key()
const SESSION = `E${'a-_9'.repeat(17)}`.slice(0, 68)

type Headers = Readonly<Record<string, string | readonly string[]>>

describe('the API key of a request', () => {
  it.each<[string, Headers]>([
    ['x-api-key', { 'x-api-key': KEY }],
    ['a Bearer token', { authorization: `Bearer ${KEY}` }],
    ['a bearer token in lower case', { authorization: `bearer  ${KEY}` }],
    ['x-api-key beside a foreign Authorization', { 'x-api-key': KEY, authorization: 'Basic YTpi' }],
    ['x-api-key beside a foreign Bearer token', { 'x-api-key': KEY, authorization: 'Bearer ghp_abc' }],
    ['x-api-key beside foreign cookies', { 'x-api-key': KEY, cookie: 'theme=dark; id=12' }],
  ])('is read from %s', (_, headers) => {
    expect(find(headers)).toEqual({ outcome: 'presented', text: KEY })
  })

  it.each<[string, Headers]>([
    ['two headers', { 'x-api-key': KEY, authorization: `Bearer ${KEY}` }],
    ['two keys in one header', { 'x-api-key': [KEY, OTHER] }],
    ['the same key twice', { 'x-api-key': [KEY, KEY] }],
    ['two Bearer tokens', { authorization: [`Bearer ${KEY}`, `Bearer ${OTHER}`] }],
    ['a Bearer key and another Authorization', { authorization: ['Basic YTpi', `Bearer ${KEY}`] }],
    ['a list of credentials', { authorization: `Basic YTpi, Bearer ${KEY}` }],
    ['a session cookie beside it', { 'x-api-key': KEY, cookie: `theme=dark; __Host-sid=${SESSION}` }],
    ['a session cookie beside a Bearer key', { authorization: `Bearer ${KEY}`, cookie: `sid=${SESSION}` }],
    ['a session’s Bearer token beside it', { 'x-api-key': KEY, authorization: `Bearer ${SESSION}` }],
    ['a session’s DPoP token beside it', { 'x-api-key': KEY, authorization: `DPoP ${SESSION}` }],
    ['anything in x-api-key beside a Bearer key', { 'x-api-key': 'x', authorization: `Bearer ${KEY}` }],
  ])('TRN-04 is ambiguous with %s', (_, headers) => {
    expect(find(headers)).toEqual({ outcome: 'ambiguous' })
  })

  it.each<[string, Headers, string?]>([
    ['no header', {}],
    ['a session’s token alone', { authorization: `Bearer ${SESSION}` }],
    ['a foreign Bearer token', { authorization: 'Bearer ghp_abc' }],
    ['a key under another scheme', { authorization: `Basic ${KEY}` }],
    ['a key as a cookie', { cookie: `key=${KEY}` }],
    ['a key in the query', {}, `/orders?api_key=${KEY}&x-api-key=${KEY}&access_token=${KEY}`],
    ['a key in the path', {}, `/orders/${KEY}`],
    ['other headers', { 'api-key': KEY, 'x-apikey': KEY, 'proxy-authorization': `Bearer ${KEY}` }],
  ])('API-03 TRN-03 is not read from %s', (_, headers, url = '/') => {
    expect(find(headers, url)).toEqual({ outcome: 'none' })
  })

  it.each([SESSION, '', 'x', `${KEY}x`, `${KEY},`, 'a, b'])(
    'TOK-06 is whatever x-api-key holds: %j',
    (text) => {
      const cookie = `sid=${SESSION}`
      const found = find({ 'x-api-key': text })
      expect(found).toEqual({ outcome: 'presented', text })
      if (!text.startsWith(KEY)) expect(find({ 'x-api-key': text, cookie })).toEqual(found)
    },
  )
})

describe('the session token of a request', () => {
  const sources = { cookieName: 'sid', bearer: true, dpop: true }

  it.each<[string, Headers]>([
    ['a cookie and x-api-key', { cookie: `sid=${SESSION}`, 'x-api-key': KEY }],
    ['a cookie and a Bearer key', { cookie: `sid=${SESSION}`, authorization: `Bearer ${KEY}` }],
    ['a Bearer token and x-api-key', { authorization: `Bearer ${SESSION}`, 'x-api-key': KEY }],
  ])('TRN-04 is ambiguous with an API key beside it: %s', (_, headers) => {
    expect(findCredentials(new FakeExchange({ headers }), sources)).toMatchObject({
      outcome: 'refused',
      reason: 'ambiguous',
    })
  })

  it('TOK-06 API-05 is no API key, and is found beside what is none', () => {
    for (const headers of [
      { authorization: `Bearer ${KEY}` },
      { cookie: `sid=${KEY}` },
      { 'x-api-key': KEY },
    ]) {
      expect(findCredentials(new FakeExchange({ headers }), sources).outcome).toBe('none')
    }
    const headers = { cookie: `sid=${SESSION}`, 'x-api-key': 'of another service' }
    expect(findCredentials(new FakeExchange({ headers }), sources).outcome).toBe('presented')
  })
})

function find(headers: Headers, url = '/') {
  return findApiKey(new FakeExchange({ headers, url }))
}

function key(): string {
  return toApiKeyText('shop', newSessionId(environment, null), newSecret(environment))
}
