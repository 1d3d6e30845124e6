import { z } from 'zod'
import { isLoopback } from '../config/loopback.ts'
import { duration, millisecondsOf } from '../config/parsing.ts'

/** An OpenID provider of others, with whose accounts people sign in to theirs here. */
export interface UpstreamProvider {
  /** Part of addresses, and never to be changed: `https://accounts.example/login/with/<id>/callback` is registered there. */
  readonly id: string
  /** On buttons. */
  readonly name: string
  /** Exactly as its metadata spells it. */
  readonly issuer: string
  readonly clientId: string
  /** Besides `openid`. */
  readonly scopes: readonly string[]
  /** Milliseconds after which somebody has to sign in there again, whatever is still going on here; `null`: no limit (LIO-11). */
  readonly maxAge: number | null
}

const Provider = z
  .strictObject({
    id: z.string().regex(/^[a-z][a-z\d-]{0,31}$/, 'must be small letters, digits and hyphens, 32 at most'),
    name: z.string().trim().min(1).max(64),
    issuer: z
      .string()
      .refine(isIssuer, 'must be an address that begins with https:// or http://, without a query'),
    'client-id': z.string().min(1).max(256),
    scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/)).default(['email', 'profile']),
    'max-age': z.string().refine(isDuration, 'must be a duration such as 12h').optional(),
  })
  .transform(({ 'client-id': clientId, 'max-age': maxAge, ...rest }) => ({
    ...rest,
    clientId,
    maxAge: maxAge === undefined ? null : millisecondsOf(maxAge),
  }))

const Providers = z.array(Provider).max(20)
const Secrets = z.record(z.string(), z.string().min(1).max(1_024))

/** Providers from the text of their setting. Throws a `TypeError` with the end of one sentence, which names every mistake. */
export function providersOf(given: string): readonly UpstreamProvider[] {
  return parsed(Providers, given, 'must be a JSON list of providers')
}

/** Client secrets by the id of their provider; no mistake repeats any of them. */
export function providerSecretsOf(given: string): Readonly<Record<string, string>> {
  return parsed(Secrets, given, 'must be a JSON object of texts, by the ids of providers')
}

interface UpstreamSettings {
  readonly upstreams: readonly UpstreamProvider[]
  readonly upstreamSecrets: Readonly<Record<string, string>>
  readonly unsafeAllowHttp: boolean
  readonly verifyUrl: string | null
  readonly publicUrl: URL
}

/** What is wrong with the settings of providers together, a sentence for each. */
export function upstreamMistakes(settings: UpstreamSettings): string[] {
  const { upstreams, upstreamSecrets, unsafeAllowHttp, verifyUrl, publicUrl } = settings
  const found = upstreams.flatMap(({ id, issuer }, index) => {
    const { protocol, hostname } = new URL(issuer)
    const isInTheOpen = protocol === 'http:' && !isLoopback(hostname) && !unsafeAllowHttp
    const isRepeated = upstreams.some(
      (other, at) => at < index && (other.id === id || other.issuer === issuer),
    )
    return [
      ...(isInTheOpen
        ? [`upstreams: the issuer of ${id} must begin with https:// beyond this machine.`]
        : []),
      ...(isRepeated ? [`upstreams: ${id} has the id or issuer of another.`] : []),
      ...(Object.hasOwn(upstreamSecrets, id) ? [] : [`upstream-secrets must have one for ${id}.`]),
    ]
  })
  if (Object.keys(upstreamSecrets).some((id) => !upstreams.some((one) => one.id === id))) {
    found.push('upstream-secrets has one for a provider that is not among upstreams.')
  }
  if (upstreams.length > 0 && publicUrl.protocol === 'http:' && !isLoopback(publicUrl.hostname)) {
    found.push('upstreams need a public-url that begins with https:// beyond this machine.')
  }
  if (upstreams.length > 0 && verifyUrl !== null) {
    found.push('upstreams must not be given where verify-url keeps the accounts elsewhere.')
  }
  return found
}

function parsed<T>(schema: z.ZodType<T>, given: string, shape: string): T {
  const result = schema.safeParse(json(given))
  if (result.success) return result.data
  const details = result.error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`)
  throw new TypeError(`${shape} (${details.join('; ')}).`)
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** OpenID Connect Discovery 1.0, section 3. */
function isIssuer(text: string): boolean {
  const url = URL.parse(text)
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') return false
  return (
    url.search === '' && url.hash === '' && url.username === '' && url.password === '' && !/[?#\s]/.test(text)
  )
}

function isDuration(text: string): boolean {
  try {
    return duration(text) !== ''
  } catch {
    return false
  }
}
