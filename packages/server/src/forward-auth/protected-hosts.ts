import type { Connection } from 'coatcheck'
import type { Settings } from '../config/settings.ts'

/** Paths of every protected host that its proxy sends here. */
export const HOST_PATHS = '/.coatcheck/'
export const BEGIN_PATH = `${HOST_PATHS}begin`
export const ISSUE_PATH = `${HOST_PATHS}issue`
export const RECEIVE_PATH = `${HOST_PATHS}hand-off`
export const LOGOUT_PATH = `${HOST_PATHS}logout`

/** Longest path that is returned to, in characters. */
const LONGEST_TARGET = 1_500

export interface ProtectedHost {
  /** `https://app.example` */
  readonly origin: string
  /** Whether browsers send it the cookie that the login page sets; elsewhere a hand-off brings the user over. */
  readonly sharesCookie: boolean
}

/** A name or an address, and perhaps a port. */
const HOST = /^(?:[a-z\d.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i

/** What a login has to prove beyond who the user is. */
export interface StepUp {
  /** Greatest age of the proof, in milliseconds. */
  readonly fresh: number | null
  readonly levels: readonly string[]
}

type HostSettings = Pick<Settings, 'publicUrl' | 'hosts' | 'cookieDomain'>

/** The hosts that forward-auth answers for: the server's own, and those of the setting `hosts`. Everything else is refused. */
export class ProtectedHosts {
  readonly #publicUrl: URL
  readonly #byOrigin: ReadonlyMap<string, ProtectedHost>

  constructor(settings: HostSettings) {
    this.#publicUrl = settings.publicUrl
    const origins = [settings.publicUrl.origin, ...settings.hosts]
    this.#byOrigin = new Map(
      origins.map((origin) => [
        origin,
        { origin, sharesCookie: sharesCookie(new URL(origin).hostname, settings) },
      ]),
    )
  }

  /** Those that users are handed over to. */
  get apart(): readonly ProtectedHost[] {
    return [...this.#byOrigin.values()].filter(({ sharesCookie }) => !sharesCookie)
  }

  /** The host that a request was sent to; `null`: none of ours. */
  find({ encrypted, host }: Connection): ProtectedHost | null {
    const spelt = `${encrypted ? 'https' : 'http'}://${host}`
    const found = this.#byOrigin.get(spelt)
    if (found) return found
    const origin = HOST.test(host ?? '') ? URL.parse(spelt)?.origin : undefined
    return (origin !== undefined && this.#byOrigin.get(origin)) || null
  }

  /** Where a browser gets what it lacks, to come back to `target`. */
  loginAddress({ origin, sharesCookie }: ProtectedHost, target: string, stepUp: StepUp | null): string {
    const returnTo = target.length > LONGEST_TARGET ? '/' : target
    if (!sharesCookie) {
      return `${origin}${BEGIN_PATH}?return_to=${encodeURIComponent(returnTo)}${demand(stepUp)}`
    }
    const own = this.#publicUrl.origin
    const address = origin === own ? returnTo : origin + returnTo
    return `${own}/login?return_to=${encodeURIComponent(address)}${stepUp ? `&reauthenticate=1${demand(stepUp)}` : ''}`
  }

  /** Where a hand-off to one of these hosts is issued. */
  issueAddress(stepUp: StepUp | null): string {
    const demanded = demand(stepUp)
    return `${this.#publicUrl.origin}${ISSUE_PATH}${demanded && `?${demanded.slice(1)}`}`
  }
}

/** What is demanded, as further parameters of an address. */
export function demand(stepUp: StepUp | null): string {
  if (stepUp === null) return ''
  const { fresh, levels } = stepUp
  const level = levels.length === 0 ? '' : `&level=${encodeURIComponent(levels.join(','))}`
  return (fresh === null ? '' : `&fresh=${Math.floor(fresh / 1_000)}s`) + level
}

/** What is wrong with the settings of hosts together, a sentence for each. */
export function hostMistakes(settings: HostSettings): string[] {
  const { publicUrl, hosts, cookieDomain } = settings
  if (cookieDomain === null) {
    return hosts
      .filter((host) => !sharesCookie(new URL(host).hostname, settings) && !mayReceive(new URL(host)))
      .map((host) => `hosts must be HTTPS, which ${host} is not: users are handed over to it.`)
  }
  return [publicUrl.origin, ...hosts]
    .filter((origin) => !isWithin(new URL(origin).hostname, cookieDomain))
    .map(
      (origin) =>
        `cookie-domain must hold all hosts, and ${origin} is outside: without it each host has a cookie of its own.`,
    )
}

function sharesCookie(hostname: string, { publicUrl, cookieDomain }: HostSettings): boolean {
  return hostname === publicUrl.hostname || (cookieDomain !== null && isWithin(hostname, cookieDomain))
}

function isWithin(hostname: string, domain: string): boolean {
  return hostname === domain || hostname.endsWith(`.${domain}`)
}

/** As a hand-off demands. */
function mayReceive({ protocol, hostname }: URL): boolean {
  if (protocol === 'https:') return true
  return hostname === 'localhost' || hostname.endsWith('.localhost') || /^(?:127\.|\[::1\]$)/.test(hostname)
}
