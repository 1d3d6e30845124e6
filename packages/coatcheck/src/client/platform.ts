/** What a client takes from its surroundings to count time; a `FakeEnvironment` of `coatcheck/testing` is one. */
export interface ClientEnvironment {
  /** Milliseconds of a clock that nobody sets; it may stand still while the machine sleeps. */
  monotonic(): number
  /** Calls back once; returns what cancels it. */
  setTimer(delay: number, callback: () => void): () => void
}

/** Longest delay of `setTimeout`; anything above fires at once. Whoever waits longer looks at the clock when called. */
const LONGEST_TIMEOUT = 2_147_483_647

export const systemEnvironment: ClientEnvironment = {
  monotonic: () => performance.now(),
  setTimer(delay, callback) {
    const timer = setTimeout(callback, Math.min(delay, LONGEST_TIMEOUT))
    return () => clearTimeout(timer)
  },
}

/** What others of the same origin hear, but not the sender. */
export interface Channel {
  onmessage: ((event: { readonly data: unknown }) => void) | null
  postMessage(message: unknown): void
  close(): void
}

/** The little of `Storage` that is used. */
export interface TextStorage {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

/** What a page or worker of a browser has and a server has not. */
interface Host {
  readonly location?: { readonly href: string; readonly origin: string }
  readonly indexedDB?: Databases
  readonly BroadcastChannel?: new (name: string) => Channel
  readonly sessionStorage?: TextStorage
  readonly localStorage?: TextStorage
  readonly document?: {
    readonly visibilityState?: string
    readonly baseURI?: string
    readonly addEventListener?: Listen
  }
  readonly addEventListener?: Listen
}

type Listen = (type: string, listener: () => void, options: { readonly signal: AbortSignal }) => void

/** The little of IndexedDB that is used. */
export interface Databases {
  open(name: string, version: number): Asking<Database> & { onupgradeneeded: (() => void) | null }
}

interface Database {
  createObjectStore(name: string): unknown
  transaction(
    store: string,
    mode: 'readwrite',
  ): {
    objectStore(name: string): {
      get(key: string): Asking<unknown>
      put(value: unknown, key: string): unknown
    }
    oncomplete: (() => void) | null
    onabort: ((event: unknown) => void) | null
  }
  close(): void
}

interface Asking<T> {
  readonly result: T
  onsuccess: (() => void) | null
  onerror: ((event: unknown) => void) | null
}

/** What may be missing. */
export const host = globalThis as unknown as Host

/**
 * Whether this is a browser, a page or a worker of one. Servers have channels too, by which the clients of two users would
 * tell each other their tokens.
 */
export function isBrowser(): boolean {
  return !!host.location && !!host.indexedDB
}

/** The address that relative ones are meant against; `undefined` on a server. */
export function pageAddress(): string | undefined {
  return host.document?.baseURI ?? host.location?.href
}

/** `null` where there is nobody to hear. */
export function openChannel(name: string): Channel | null {
  return isBrowser() && host.BroadcastChannel ? new host.BroadcastChannel(name) : null
}

/** `null` where there is none, or the browser forbids it. */
export function openStorage(kind: 'sessionStorage' | 'localStorage'): TextStorage | null {
  try {
    return (isBrowser() && host[kind]) || null
  } catch {
    return null
  }
}

/** Calls back when the page is shown again or the network has come back; returns what stops it. */
export function onReturn(callback: () => void): () => void {
  const controller = new AbortController()
  const { signal } = controller
  const called = () => {
    if (host.document?.visibilityState !== 'hidden') callback()
  }
  host.addEventListener?.('online', called, { signal })
  host.document?.addEventListener?.('visibilitychange', called, { signal })
  return () => controller.abort()
}

/** A listener's mistake is the application's, and stops nobody else: an unhandled rejection. */
export function safely(call: () => void): void {
  try {
    call()
  } catch (error) {
    void Promise.reject(error)
  }
}

/** Adds to a set; returns what takes it out again. */
export function join<T>(set: Set<T>, member: T): () => void {
  set.add(member)
  return () => {
    set.delete(member)
  }
}

/** Base64url of that many random bytes. */
export function randomText(bytes: number): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(bytes)))
}

export function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

export function subtle(): typeof crypto.subtle {
  return crypto.subtle
}

/** The client's own idea of the time, which may be wrong by hours. */
export function wallClock(): number {
  return Date.now()
}

/** A `Date` header as epoch milliseconds; `NaN` where it is none. */
export function parseDate(text: string | null): number {
  return Date.parse(text ?? '')
}
