/** Header lines of clients that mean no good, in Latin-1. `token` is a session token that is good, `name` its cookie's name. */
export function hostileHeaders(name: string, token: string, foreign: readonly string[]): readonly string[] {
  const other = `${token.slice(0, -4)}AAAA`
  const cookies = [
    ...[
      '',
      ';',
      ';;;;',
      '=',
      '"',
      `${name}`,
      `${name}=`,
      `${name}="`,
      `${name}=""`,
      `=${token}`,
      `${name}=${other}`,
    ],
    ...[
      `${name}="${token}`,
      `${name}=${token.slice(0, -1)}`,
      `${name}=${token}${token}`,
      `${name}=${token}\t;\t`,
    ],
    ...[
      `${name}=${token}; ${name}=${other}`,
      `${name}=${other}; ${name}=${token}`,
      `${name}=%00`,
      `${name}=..%2f..%2f`,
    ],
    ...[
      '__proto__=1; constructor=2; toString=3',
      `${name}=\u0080\u00ff\u00c3`,
      `${name}=\u00f0\u009f\u0092\u00a9`,
    ],
    ...[
      `${name.toLowerCase()}=${token}`,
      `$Version=1; ${name}=${token}; $Path=/`,
      `${name}=${token},${name}=${token}`,
    ],
    ...Array.from({ length: 32 }, (_, code) => `${name}=a${String.fromCharCode(code)}b`).filter(
      (_, code) => code !== 10 && code !== 13,
    ),
    `${name}=a\u007fb`,
    Array.from({ length: 20 }, () => `${name}=${token}`).join('; '),
    Array.from({ length: 20 }, (_, i) => `${name}=${token.slice(0, -2)}${String(i).padStart(2, 'A')}`).join(
      '; ',
    ),
    Array.from({ length: 900 }, (_, i) => `c${i}=1`).join('; '),
    `${name}=${'x'.repeat(7_000)}`,
    ...foreign.map((text) => `${name}=${text}`),
  ].map((value) => `Cookie: ${value}`)
  const big = (length: number) => `Cookie: ${'y'.repeat(length)}=${token}`
  return [
    ...cookies,
    [big(7_000), big(7_000), big(7_000)].join('\r\n'),
    Array.from({ length: 90 }, (_, i) => `Cookie: c${i}=${'z'.repeat(180)}`).join('\r\n'),
    `Cookie: ${name}=${token}\r\nCookie: ${name}=${other}`,
    `Cookie: a=b\r\n folded=${token}`,
    `Cookie : ${name}=${token}`,
    ...[
      '',
      'Bearer',
      'Bearer ',
      'Bearer a b',
      `Bearer ${other}`,
      `Bearer ${token}`,
      'Basic \u0001',
      `DPoP ${token}`,
      'Bearer \u00ff',
    ].map((value) => `Authorization: ${value}`),
    ...foreign.map((text) => `Authorization: Bearer ${text}`),
    `Authorization: Bearer ${token}\r\nAuthorization: Bearer ${other}`,
    `Cookie: ${name}=${token}\r\nAuthorization: Bearer ${token}`,
    ...foreign.map((text) => `Cookie: ${name}=${token}\r\nX-Api-Key: ${text}`),
    ...[
      'Origin: \u0001',
      'Origin: http://[',
      'Referer: http://[::1',
      'Sec-Fetch-Site: \u00e9',
      'Sec-Fetch-Mode: navigate, navigate',
    ],
    ...[
      'X-Forwarded-For: a, b, c, [',
      'X-Forwarded-Proto: gopher',
      'X-Forwarded-Host: [',
      'Forwarded: for="_\u0001"',
      'X-Original-Method: \u0002',
    ],
    ...[
      'X-Forwarded-Method: \u00ff',
      'X-Original-URL: https://[',
      'X-Auth-Options: fresh=1',
      'Expect: 200-ok',
      'Expect: 100-continue',
    ],
    ...[
      'Upgrade: websocket',
      'Connection: upgrade\r\nUpgrade: h2c',
      'Connection: cookie, x-forwarded-method',
      'Range: bytes=0-0',
      'If-Match: *',
    ],
    ...[
      'Accept: \u0000',
      'User-Agent: \u001b[31m',
      'TE: trailers',
      'Sec-WebSocket-Key: \u0001',
      `Accept-Language: ${'a'.repeat(7_000)}`,
    ],
  ]
}
