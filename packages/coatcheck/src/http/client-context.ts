import type { RequestContext } from '../core/events.ts'
import { assertKnownKeys, oneOf } from '../core/option-checks.ts'
import { truncateAddress } from './client-address.ts'
import type { Exchange } from './exchange.ts'
import { labelUserAgent } from './user-agent-label.ts'

/** What is kept about the client, for people who read a device list or an audit trail (AUD-06). */
export interface ClientContextOptions {
  /** The client's address: its network alone (/24, or /48 for IPv6), as it is, or not at all. Default `'network'`. */
  readonly address?: 'network' | 'full' | 'none'
  /** The `User-Agent` text, or only the label made from it. Default `'text'`. */
  readonly userAgent?: 'text' | 'label'
}

export type ClientContextSettings = Required<ClientContextOptions>

export const CLIENT_CONTEXT_DEFAULTS = Object.freeze({
  address: 'network',
  userAgent: 'text',
} as const satisfies ClientContextOptions)

/** Longest text kept of anything that a client says about itself, in UTF-16 units. */
export const MAX_CLIENT_TEXT = 256

/** Checks every value and fills in the defaults; whatever cannot work throws `ERR_OPTION` with the option's path. */
export function resolveClientContextOptions(options: ClientContextOptions = {}): ClientContextSettings {
  assertKnownKeys(options, Object.keys(CLIENT_CONTEXT_DEFAULTS), 'device')
  return Object.freeze({
    address: oneOf(
      options.address ?? CLIENT_CONTEXT_DEFAULTS.address,
      ['network', 'full', 'none'],
      'device.address',
    ),
    userAgent: oneOf(
      options.userAgent ?? CLIENT_CONTEXT_DEFAULTS.userAgent,
      ['text', 'label'],
      'device.userAgent',
    ),
  })
}

/**
 * Who a request came from. Made for every request and looked at by few, so it keeps the exchange and the address, which
 * a closed socket has forgotten, and works the rest out when asked. Everything it gives out is harmless in a log and within length; escaping for HTML is still the
 * page's business (HDR-08, AUD-03).
 */
export class ClientContext implements RequestContext {
  readonly #exchange: Exchange
  readonly #rawAddress: string | null
  readonly #settings: ClientContextSettings

  constructor(exchange: Exchange, settings: ClientContextSettings) {
    this.#exchange = exchange
    this.#rawAddress = exchange.connection.address
    this.#settings = settings
  }

  get userAgent(): string | null {
    return this.#settings.userAgent === 'label' ? null : harmless(this.#exchange.header('user-agent'))
  }

  get address(): string | null {
    switch (this.#settings.address) {
      case 'none':
        return null
      case 'full':
        return truncateAddress(this.#rawAddress, 'full')
      default:
        return truncateAddress(this.#rawAddress, 'network')
    }
  }

  /** `Firefox on Windows`; `null` for a client without a common name. */
  get label(): string | null {
    return labelUserAgent(harmless(this.#exchange.header('user-agent')))
  }

  /**
   * Label and network, equal for two requests that look alike: coarse on purpose, since clients roam and update
   * (AUD-07). Without the network where no address is to be kept, since a record keeps the fingerprint too.
   */
  get fingerprint(): string {
    const network = this.#settings.address === 'none' ? null : truncateAddress(this.#rawAddress, 'network')
    return `${this.label ?? 'unknown client'}, ${network ?? 'unknown network'}`
  }

  toJSON(): RequestContext {
    const { userAgent, address, label, fingerprint } = this
    return { userAgent, address, label, fingerprint }
  }
}

/**
 * Text of a client within `MAX_CLIENT_TEXT`, without terminal sequences, control characters, line breaks, text
 * direction overrides and other invisible characters; `null` where nothing is left.
 */
export function harmless(text: string | undefined): string | null {
  if (text === undefined) return null
  const clean = text.slice(0, MAX_CLIENT_TEXT).replace(TERMINAL_SEQUENCE, '').replace(INVISIBLE, ' ').trim()
  return clean === '' ? null : clean
}

/** ECMA-48 control sequences, with either introducer. */
const TERMINAL_SEQUENCE = /(?:\p{Cc}\[|\u009b)[0-?]*[ -/]*[@-~]/gu

/** Controls, formats, surrogates without partner, private use, unassigned; line and paragraph separators. */
const INVISIBLE = /[\p{C}\u2028\u2029]+/gu
