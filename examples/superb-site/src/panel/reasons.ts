import type { EndReason, SessionEvents } from 'coatcheck'

type Refusal = SessionEvents['token-refused']['reason']

/** Why a token was not accepted: `found` for the request's line, `text` as a sentence. */
export const REFUSALS: Readonly<Record<Refusal, { readonly found: string; readonly text: string }>> = {
  malformed: { found: 'no token at all', text: 'It has not the form of a token.' },
  forged: { found: 'forged', text: 'This shop never issued it: its tag or its secret is wrong.' },
  unknown: { found: 'unknown', text: 'Well-formed, but there is no such session. A token is never adopted.' },
  ended: { found: 'dead', text: 'Its session has ended. A tombstone remembers that, so it stays dead.' },
  expired: { found: 'expired', text: 'Its session ran into its idle or its absolute limit.' },
  reuse: { found: 'replaced long ago', text: 'A later token took its place and has been used since.' },
  'rolled-back': { found: 'from the future', text: 'It is newer than what the store knows.' },
  transport: {
    found: 'on the wrong transport',
    text: 'It was issued for another transport than it came on.',
  },
  insecure: { found: 'not read', text: 'The request came over plain HTTP, where tokens are not read.' },
  'rate-limited': { found: 'not looked up', text: 'Too many tokens of an unknown key came at once.' },
  network: { found: 'from elsewhere', text: 'It may not be used from this address.' },
  scope: { found: 'not allowed', text: 'It lacks a scope that this needs.' },
  ambiguous: { found: 'ambiguous', text: 'Two live tokens in one request: nobody can tell whose it is.' },
  oversized: { found: 'not read', text: 'The Cookie header is too long to be honest.' },
  binding: {
    found: 'without its key',
    text: 'It is bound to a key, and nothing proves that whoever sent it holds that key.',
  },
  proof: { found: 'with a bad proof', text: 'The proof that came with it is wrong, or was used before.' },
}

export const END_REASONS: Readonly<
  Partial<Record<EndReason, { readonly title: string; readonly text: string }>>
> = {
  logout: { title: 'Logged out', text: 'ended on the server. Its token is refused from now on.' },
  revoked: { title: 'Session ended', text: 'ended from another place or by the shop. Its token is refused.' },
  idle: { title: 'Session expired', text: 'unused for longer than the idle limit.' },
  absolute: { title: 'Session expired', text: 'reached its absolute limit, whatever it was used for.' },
  limit: { title: 'Session ended', text: 'made room: the user had too many.' },
  reuse: { title: 'Session ended', text: 'a replaced token came back, so nobody goes on with it.' },
  replaced: {
    title: 'Old session ended',
    text: 'another one took its place. The old token is dead at once.',
  },
  'provider-logout': { title: 'Logged out elsewhere', text: 'ended, since the accounts server said so.' },
  'provider-refused': {
    title: 'Session ended',
    text: 'the accounts server renews nothing for it any more.',
  },
  'shared-rotation': { title: 'Session ended', text: 'two devices held the same token.' },
}

export const CSRF_REASONS: Readonly<Record<string, string>> = {
  'cross-site': 'a page of another site sent it (Sec-Fetch-Site: cross-site)',
  'same-site': 'a page of a neighbouring host sent it (Sec-Fetch-Site: same-site)',
  'opaque-origin': 'its Origin is null, as from a sandboxed frame',
  'malformed-origin': 'its Origin cannot be read',
  'foreign-origin': 'its Origin is not this shop',
  'foreign-referer': 'its Referer is not this shop',
  'no-evidence': 'nothing says that a page of this shop sent it',
  'missing-token': 'it has no CSRF token',
  'invalid-token': 'its CSRF token is not of this session',
}
