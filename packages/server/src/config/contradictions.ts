import { claimMistakes } from '../forward-auth/identity-headers.ts'
import { hostMistakes } from '../forward-auth/protected-hosts.ts'
import { upstreamMistakes } from '../upstream/providers.ts'
import { isLoopback } from './loopback.ts'
import { millisecondsOf } from './parsing.ts'
import type { Settings } from './settings.ts'

/** Values that are right by themselves and not together, each as one sentence. */
export function contradictions(settings: Settings): string[] {
  const found = RULES.flatMap(([isWrong, sentence]) => (isWrong(settings) ? [sentence] : []))
  return [
    ...found,
    ...claimMistakes(settings.claims),
    ...hostMistakes(settings),
    ...upstreamMistakes(settings),
  ]
}

const RULES: readonly (readonly [(settings: Settings) => boolean, string])[] = [
  [
    ({ tlsCert, tlsKey }) => (tlsCert === null) !== (tlsKey === null),
    'tls-cert and tls-key must be given together or not at all.',
  ],
  [
    ({ publicUrl, unsafeAllowHttp }) =>
      publicUrl.protocol === 'http:' && !isLoopback(publicUrl.hostname) && !unsafeAllowHttp,
    'public-url must begin with https:// beyond this machine: browsers send no session over plain HTTP.',
  ],
  [
    ({ publicUrl, tlsCert }) => publicUrl.protocol === 'http:' && tlsCert !== null,
    'public-url must begin with https:// where tls-cert is given.',
  ],
  [
    ({ publicUrl, tlsCert, trustProxy, host }) =>
      publicUrl.protocol === 'https:' && tlsCert === null && trustProxy.length === 0 && !isLoopback(host),
    'public-url begins with https://: give tls-cert and tls-key, or in trust-proxy the address of the proxy that ends TLS.',
  ],
  [({ publicUrl, hosts }) => hosts.includes(publicUrl.origin), 'hosts must not repeat public-url.'],
  [
    ({ adminPort, port, adminHost, host }) =>
      adminPort !== null && adminPort === port && port !== 0 && adminHost === host,
    'port and admin-port must differ: the admin listener is apart from the public one.',
  ],
  [
    ({ adminUrl, adminPort }) => adminUrl !== null && adminPort === null,
    'admin-url must not be given where admin-port is off.',
  ],
  [
    ({ adminUrl, publicUrl }) => adminUrl?.origin === publicUrl.origin,
    'admin-url and public-url must differ.',
  ],
  [
    ({ verifyUrl, unsafeAllowHttp }) => isInTheOpen(verifyUrl) && !unsafeAllowHttp,
    'verify-url must begin with https:// beyond this machine: passwords travel to it.',
  ],
  [
    ({ resetUrl, unsafeAllowHttp }) => isInTheOpen(resetUrl) && !unsafeAllowHttp,
    'reset-url must begin with https:// beyond this machine: links to choose a password travel to it.',
  ],
  [
    ({ verifyUrl, signUp }) => verifyUrl !== null && signUp,
    'sign-up must be false where verify-url keeps the accounts elsewhere.',
  ],
  [
    ({ store, database, keys }) => (store !== 'sqlite' || database !== 'sqlite') && keys === null,
    'keys must be given where the store is not a file of this machine: all processes need the same.',
  ],
  [
    ({ database, store }) => database.includes(',') || (store.startsWith('postgres') && store.includes(',')),
    'An address of PostgreSQL must name one server.',
  ],
  [
    ({ idleTimeout, absoluteTimeout }) => millisecondsOf(idleTimeout) > millisecondsOf(absoluteTimeout),
    'idle-timeout must not be longer than absolute-timeout.',
  ],
]

function isInTheOpen(address: string | null): boolean {
  const url = address === null ? null : new URL(address)
  return url?.protocol === 'http:' && !isLoopback(url.hostname)
}
