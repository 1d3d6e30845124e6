/** What somebody wants a proof of who they are at a provider for. */
export interface Purpose {
  /** `again`: they are signed in and asked who they are; `link`: they want to be able to sign in so. */
  readonly kind: 'login' | 'again' | 'link'
  /** Who is signed in; `null` for a login. */
  readonly userId: string | null
  /** Where they go afterwards. */
  readonly returnTo: string
  /** Levels of authentication that are asked for, separated by commas; empty: any. */
  readonly level: string
}

/** Longer than any page of ours, and short enough for a cookie. */
const LONGEST_TARGET = 1_800

const PATH = '/login/with'

/** As a path, in which a transaction keeps it, under its MAC. */
export function toPath({ kind, userId, returnTo, level }: Purpose): string {
  const query = new URLSearchParams({
    kind,
    level: level.slice(0, 64),
    ...(userId !== null && { user: userId }),
  })
  const encoded = encodeURIComponent(returnTo)
  if (encoded.length <= LONGEST_TARGET) query.set('return_to', returnTo)
  return `${PATH}?${query}`
}

/** `null` for what is none. */
export function fromPath(path: string | null): Purpose | null {
  const url = path === null ? null : URL.parse(path, 'http://localhost')
  const kind = (['login', 'again', 'link'] as const).find((one) => one === url?.searchParams.get('kind'))
  if (!url || url.pathname !== PATH || kind === undefined) return null
  const { searchParams } = url
  const returnTo = searchParams.get('return_to') ?? '/account'
  return { kind, userId: searchParams.get('user'), returnTo, level: searchParams.get('level') ?? '' }
}
