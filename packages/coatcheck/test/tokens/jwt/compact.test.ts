import { describe, expect, it } from 'vitest'
import { parseCompact } from '../../../src/tokens/jwt/compact.ts'
import {
  claims,
  ecKey,
  encode,
  headerOf,
  signatureOf,
  signParts,
  signText,
  token,
  verifierOf,
} from './forge.ts'

const key = ecKey('ec')
const { outcome } = verifierOf([key])
const header = JSON.stringify(headerOf(key))
const payload = JSON.stringify(claims())

describe('the compact form', () => {
  it('JWT-09 has one spelling: each of these would verify somewhere', async () => {
    const good = token(key)
    const [h = '', p = '', s = ''] = good.split('.')
    const spellings = [
      `${good}=`,
      `${h}=.${p}.${s}`,
      `${h}.${p}==.${s}`,
      ` ${good}`,
      `${good} `,
      `${good}\n`,
      `\t${good}`,
      `${h} .${p}.${s}`,
      `${h}.${p.slice(0, 8)}\n${p.slice(8)}.${s}`,
      `${h}.${p}.${s.slice(0, 8)}\r\n${s.slice(8)}`,
      `${h}.${p}.${s}\u0000`,
      `${h}.${p}.${s}.`,
      `.${h}.${p}.${s}`,
      `${h}..${s}`,
      `${h}.${p}`,
      `${h}.${p}.`,
      `.${p}.${s}`,
      h,
      '',
      '.',
      '..',
      `Bearer ${good}`,
      `"${good}"`,
      `${h}.${p}.${s.replaceAll('-', '+').replaceAll('_', '/')}!`,
      `${h}.${p}.${s}é`,
    ]
    for (const text of spellings) expect([text, await outcome(text)]).toEqual([text, 'malformed'])
    expect(await outcome(good)).toBe('ok')
  })

  it('JWT-09 has no unused bits: another last character that decodes to the same bytes is refused', async () => {
    const good = token(key)
    const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.indexOf(good.at(-1) ?? '')
    for (let bits = 1; bits < 16; bits++) {
      const other = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'[last ^ bits]
      const text = good.slice(0, -1) + other
      expect(Buffer.from(text.split('.')[2] ?? '', 'base64url')).toHaveLength(64)
      expect(await outcome(text)).toBe('malformed')
    }
  })

  it('JWT-09 signed parts in a lax spelling are refused although their signature is right', async () => {
    const padded = Buffer.from(header).toString('base64')
    for (const part of [`${encode(header)}=`, `${padded} `, encode(header).replace(/.$/, '$&\n')]) {
      expect(await outcome(signParts(key, part, encode(payload)))).toBe('malformed')
      expect(await outcome(signParts(key, encode(header), part))).toBe('malformed')
    }
  })

  it('JWT-09 the JSON serialisations are refused', async () => {
    const input = `${encode(header)}.${encode(payload)}`
    const signature = signatureOf(key, input).toString('base64url')
    const flat = { protected: encode(header), payload: encode(payload), signature }
    const general = { payload: encode(payload), signatures: [{ protected: encode(header), signature }] }
    for (const form of [flat, general, { ...flat, header: { kid: 'ec' } }]) {
      expect(await outcome(JSON.stringify(form))).toBe('malformed')
      expect(await outcome(form as unknown as string)).toBe('malformed')
    }
  })

  it.each([undefined, null, 7, {}, [], Buffer.from('a.b.c')])('JWT-09 is a text, not %j', async (value) => {
    expect(await outcome(value as unknown as string)).toBe('malformed')
  })

  it('JWT-09 is at most as long as configured, and nothing is decoded of what is longer', async () => {
    const { outcome } = verifierOf([key], { maxTokenLength: token(key).length })
    expect(await outcome(token(key))).toBe('ok')
    expect(await outcome(`${token(key)}A`)).toBe('too-large')
    expect(await verifierOf([key]).outcome(token(key, { fill: 'x'.repeat(100_000) }))).toBe('too-large')
    expect(await verifierOf([key]).outcome('.'.repeat(8_192))).toBe('malformed')
  })

  it('tells five parts from three whatever is in them', () => {
    expect(parseCompact('a.b.c.d.e', 100)).toBe('encrypted')
    expect(parseCompact('a.b.c.d.e.f', 100)).toBe('malformed')
    expect(parseCompact('a.b.c.d', 100)).toBe('malformed')
    expect(parseCompact('a.b.c.d.e', 8)).toBe('too-large')
  })
})

describe('the JSON within', () => {
  it.each([
    ['alg twice', `{"alg":"none",${header.slice(1)}`],
    ['kid twice', header.replace('}', ',"kid":"ec"}')],
    ['the same name, escaped', header.replace('}', ',"\\u006bid":"evil"}')],
    ['no object', '["ES256"]'],
    ['a text', '"ES256"'],
    ['null', 'null'],
    ['nothing', '{}x'],
    ['a comment', `${header}//`],
    ['single quotes', header.replaceAll('"', "'")],
    ['a trailing comma', header.replace('}', ',}')],
    ['a byte order mark', `\ufeff${header}`],
    ['half a surrogate pair', header.replace('}', ',"x":"\\ud800"}')],
    ['half a surrogate pair as a name', header.replace('}', ',"\\udfff":1}')],
  ])('JWT-09 a header with %s is refused', async (_, text) => {
    expect(await outcome(signText(key, text, payload))).toBe('malformed')
  })

  it.each([
    ['sub twice', payload.replace('}', ',"sub":"admin"}')],
    ['a name twice, deep inside', payload.replace('}', ',"a":[{"b":{"c":1,"c":2}}]}')],
    ['__proto__ twice', payload.replace('}', ',"__proto__":1,"__proto__":2}')],
    ['an empty name twice', payload.replace('}', ',"":1,"":1}')],
    ['the same name, escaped', payload.replace('}', ',"s\\u0075b":"admin"}')],
    ['no object', '[]'],
    ['a number', '7'],
    ['a byte order mark', `\ufeff${payload}`],
    ['more nesting than any claim needs', payload.replace('}', `,"a":${'['.repeat(17)}${']'.repeat(17)}}`)],
    ['a thousand levels', payload.replace('}', `,"a":${'['.repeat(1000)}${']'.repeat(1000)}}`)],
  ])('JWT-09 claims with %s are refused', async (_, text) => {
    expect(await outcome(signText(key, header, text))).toBe('malformed')
  })

  it('JWT-09 other encodings than UTF-8 are refused', async () => {
    const utf16 = Buffer.from(payload, 'utf16le')
    const invalid = Buffer.from(payload.replace('user-1', 'user-\xff'), 'latin1')
    const overlong = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')])
    for (const bytes of [utf16, Buffer.from(utf16).swap16(), invalid, overlong]) {
      expect(await outcome(signText(key, header, bytes))).toBe('malformed')
    }
  })

  it('texts may contain whatever JSON itself is written with', async () => {
    const hard = {
      note: '{"a":1,"a":2}',
      'a:b': ':',
      quote: '\\"',
      slash: '\\',
      list: [{ a: ':' }, { a: '"' }],
      sub: 'Zoë 🧥',
    }
    const { verifier } = verifierOf([key])
    expect(await verifier.verify(token(key, hard))).toMatchObject({ ok: true, claims: hard })
  })
})
