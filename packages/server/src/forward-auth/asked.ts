/** What a proxy asks of the session behind a request, in the query of `/forward-auth`. */
export interface Asked {
  /** Greatest age of the user's last proof, in milliseconds; `null`: any. */
  readonly fresh: number | null
  /** Levels of authentication that will do; empty: any. */
  readonly levels: readonly string[]
  /** Whether browsers without a session are sent to the login page (302) instead of being told 401. */
  readonly redirect: boolean
  /** For whom an access token is to be sent along; `null`: none. */
  readonly audience: string | null
  /** Status while the store is down. */
  readonly outage: 403 | 503
}

const NOTHING: Asked = Object.freeze({
  fresh: null,
  levels: Object.freeze([]),
  redirect: false,
  audience: null,
  outage: 403,
})

/** Proxies ask the same few things again and again; whoever asks many others gets no room here. */
const MOST_KNOWN = 64
const known = new Map<string, Asked | null>()

/**
 * `fresh=5m&level=aal2&redirect=1&token=orders&outage=503`; `null` where any of it is not understood: a misspelt demand
 * must not be taken for none.
 */
export function parseAsked(query: string): Asked | null {
  if (query === '') return NOTHING
  const before = known.get(query)
  if (before !== undefined) return before
  const asked = read(new URLSearchParams(query))
  if (known.size < MOST_KNOWN) known.set(query, asked)
  return asked
}

const READERS: Readonly<Record<string, (value: string) => Partial<Asked> | null>> = {
  fresh: (value) => {
    const fresh = milliseconds(value)
    return fresh === null ? null : { fresh }
  },
  level: (value) =>
    /^[!#-+\--[\]-~]+(?:,[!#-+\--[\]-~]+)*$/.test(value) ? { levels: value.split(',') } : null,
  redirect: (value) => (value === '1' || value === '0' ? { redirect: value === '1' } : null),
  token: (value) => (/^[!-~]{1,256}$/.test(value) ? { audience: value } : null),
  outage: (value) => (value === '403' || value === '503' ? { outage: value === '503' ? 503 : 403 } : null),
}

function read(parameters: URLSearchParams): Asked | null {
  let asked = NOTHING
  for (const [name, value] of parameters) {
    const part = Object.hasOwn(READERS, name) ? READERS[name]?.(value) : null
    if (!part || parameters.getAll(name).length > 1) return null
    asked = { ...asked, ...part }
  }
  return Object.freeze(asked)
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `90s`, `5m`, `12h`, `7d`, up to a hundred years. */
export function milliseconds(text: string): number | null {
  const match = /^(\d{1,9})([smhd])$/.exec(text)
  if (match === null) return null
  const value = Number(match[1]) * (UNITS[match[2] ?? ''] ?? 0)
  return value > 0 && value <= 36_525 * 86_400_000 ? value : null
}
