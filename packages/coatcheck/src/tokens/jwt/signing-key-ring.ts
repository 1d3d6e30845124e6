import { CompactSign } from 'jose'
import { utf8 } from '../../core/encoding.ts'
import { CoatcheckError, ConfigError, StoreError } from '../../core/errors.ts'
import type { JsonFields } from '../../core/json.ts'
import { assertMasterKeys } from '../../core/key-ring.ts'
import type { KeyState, MasterKey } from '../../core/keys.ts'
import type { MaybePromise } from '../../core/maybe-promise.ts'
import { sha256, warn } from '../../core/platform.ts'
import type { TokenSigner } from './access-token.ts'
import { type KeyRingOptions, type KeyRingSettings, resolveKeyRingOptions } from './key-ring-options.ts'
import {
  currentOf,
  earliestRotation,
  type FreshKey,
  newRing,
  nextOf,
  type RingContent,
  rotated,
  without,
} from './ring-content.ts'
import { openRing, sealRing } from './ring-seal.ts'
import { generateKey, type PublishedKey, type RingView, viewOf } from './ring-view.ts'
import type { VerificationKey, VerificationKeys } from './verification-keys.ts'

/** What a rotation has come to. */
export interface KeyRotation {
  /** `false` where the next key is too young to sign, or another process has just rotated. */
  readonly rotated: boolean
  /** `kid` of the key that signs now. */
  readonly current: string
  /** `kid` of the key that will sign after the next rotation. */
  readonly next: string
  /** Epoch milliseconds: before then a rotation does nothing. */
  readonly earliestAt: number
}

/** A key of the ring, for people. */
export interface SigningKeyInfo {
  readonly kid: string
  readonly algorithm: string
  readonly state: KeyState
  /** Epoch milliseconds from when on it is no longer published; `null` for keys that are not retired. */
  readonly until: number | null
}

/** Attempts, and milliseconds between them, to replace a ring that other processes are replacing. */
const ATTEMPTS = 20
const PAUSE = 50

/** Least milliseconds between two looks for the sake of an unknown `kid`. */
const LEAST_AGE = 1_000

/**
 * The keys that sign access tokens: made when they are first needed, shared by all processes that have the same storage, replaced by
 * `rotate()` or by themselves. Whatever cannot work throws `ERR_OPTION` or `ERR_KEYS_MISSING` here.
 *
 * @example
 * ```ts
 * import { keysFromEnv } from 'coatcheck'
 * import { createKeyRing, signingKeyFile } from 'coatcheck/tokens'
 *
 * const ring = createKeyRing({ storage: signingKeyFile('./data/signing.keys'), keys: keysFromEnv() })
 * ```
 */
export function createKeyRing(options: KeyRingOptions): SigningKeyRing {
  return new SigningKeyRing(resolveKeyRingOptions(options))
}

/** Made by `createKeyRing`. Every method throws `ERR_KEYS_INVALID` where what is stored cannot be used; it is never overwritten then. */
export class SigningKeyRing implements TokenSigner, VerificationKeys {
  readonly #settings: KeyRingSettings
  #masters: readonly MasterKey[] | null = null
  #view: RingView | null = null
  /** Of the text that `#view` is of. */
  #hash = ''
  /** On the monotonic clock. */
  #readAt = 0
  #reading: Promise<RingView> | null = null
  /** Reads and changes come one after the other, so that no late read brings back what a change has replaced. */
  #last: Promise<unknown> = Promise.resolve()
  #warned = false

  /** @internal */
  constructor(settings: KeyRingSettings) {
    this.#settings = settings
  }

  /** Milliseconds. */
  get longestLife(): number {
    return this.#settings.longestTokenLife
  }

  /** Milliseconds that verifiers may keep the JWKS. */
  get cacheFor(): number {
    return this.#settings.cacheFor
  }

  /** Reads the ring, or makes it: so that what is wrong with it shows at start. */
  async open(): Promise<void> {
    await this.#fresh()
  }

  /** A token of the kind `typ` in the compact form, signed with the current key. */
  async sign(typ: string, claims: JsonFields): Promise<string> {
    const { kid, algorithm, key } = (await this.#fresh()).signer
    const header = { alg: algorithm, typ, kid }
    return new CompactSign(utf8(JSON.stringify(claims))).setProtectedHeader(header).sign(key)
  }

  /** The public keys (RFC 7517): current, next and those that are retired, the current one first. */
  async jwks(): Promise<{ readonly keys: readonly JsonFields[] }> {
    return { keys: this.#live(await this.#fresh()).map(({ jwk }) => jwk) }
  }

  /**
   * The private keys, the current one first, then the next one (RFC 7517 with `d`): for a library that signs OAuth and OpenID Connect tokens
   * by itself and takes nothing but JWKs. Keep them in memory, show them to nobody, and ask again when `list` names other keys.
   */
  async exportPrivateJwks(): Promise<readonly JsonFields[]> {
    const content = await this.#open((await this.#stored()) ?? (await this.#make()))
    return [currentOf(content), nextOf(content)].map(({ kid, algorithm, privateJwk }) => {
      return { ...privateJwk, kid, alg: algorithm, use: 'sig' }
    })
  }

  /** The keys without any key material, in the order of the JWKS. */
  async list(): Promise<readonly SigningKeyInfo[]> {
    return this.#live(await this.#fresh()).map(({ kid, state, until, verification }) => {
      return { kid, algorithm: verification.algorithm, state, until }
    })
  }

  /**
   * The next key signs from now on, the current one retires, and another next key is made; unless the next one has not been published for
   * long enough that every verifier has it. Of processes that rotate at once one does.
   */
  async rotate(): Promise<KeyRotation> {
    const before = (await this.#fresh()).signer.kid
    const fresh = await generateKey(this.#settings.algorithm)
    return this.#inTurn(() => this.#change((content) => this.#rotated(content, before, fresh)))
  }

  /**
   * Takes a key out at once, whatever its state: for one that has become known to others. What it signed is refused here from now on, by
   * other processes within `refreshEvery`, by other verifiers when they fetch the JWKS again (`cacheFor`). `rotated` is `false` where there is no such key.
   */
  async remove(kid: string): Promise<KeyRotation> {
    const fresh = await generateKey(this.#settings.algorithm)
    return this.#inTurn(() =>
      this.#change((content) => without(content, kid, fresh, this.#settings.environment.now())),
    )
  }

  find(kid: string): MaybePromise<VerificationKey | null> {
    const view = this.#viewWithin(this.#settings.refreshEvery)
    const known = view && this.#verification(view, kid)
    if (known) return known
    if (view && this.#viewWithin(LEAST_AGE)) return null
    return this.#read().then((now) => this.#verification(now, kid))
  }

  holds(key: VerificationKey): boolean {
    const { refreshEvery } = this.#settings
    const view = this.#viewWithin(2 * refreshEvery)
    // In the background, so that nobody waits; what fails will be told by `find`, when this view has become too old.
    if (view && !this.#viewWithin(refreshEvery)) this.#read().catch(() => {})
    return view !== null && this.#verification(view, key.kid) === key
  }

  #fresh(): MaybePromise<RingView> {
    return this.#viewWithin(this.#settings.refreshEvery) ?? this.#read()
  }

  /** What was read last, where that is not this old yet. */
  #viewWithin(age: number): RingView | null {
    return this.#settings.environment.monotonic() - this.#readAt < age ? this.#view : null
  }

  #verification(view: RingView, kid: string): VerificationKey | null {
    const key = view.published.get(kid)
    return key && this.#isLive(key) ? key.verification : null
  }

  #live(view: RingView): readonly PublishedKey[] {
    return [...view.published.values()].filter((key) => this.#isLive(key))
  }

  #isLive({ until }: PublishedKey): boolean {
    return until === null || this.#settings.environment.now() < until
  }

  #rotated(content: RingContent, before: string, fresh: FreshKey): RingContent | null {
    const { environment, overlap } = this.#settings
    const now = environment.now()
    const isOurs = currentOf(content).kid === before
    return isOurs && now >= earliestRotation(content, overlap) ? rotated(content, fresh, now, overlap) : null
  }

  /** One read for all who wait. */
  #read(): Promise<RingView> {
    this.#reading ??= this.#inTurn(() => this.#readNow()).finally(() => {
      this.#reading = null
    })
    return this.#reading
  }

  async #readNow(): Promise<RingView> {
    const startedAt = this.#settings.environment.monotonic()
    const text = (await this.#stored()) ?? (await this.#make())
    if (this.#view && sha256(text) === this.#hash) {
      this.#readAt = startedAt
    } else {
      await this.#adopt(text, await this.#open(text), startedAt)
    }
    await this.#rotateWhenDue()
    return this.#view as RingView
  }

  async #rotateWhenDue(): Promise<void> {
    const { environment, rotateEvery, algorithm } = this.#settings
    const view = this.#view
    if (!view || rotateEvery === null || environment.now() - view.activatedAt < rotateEvery) return
    try {
      const fresh = await generateKey(algorithm)
      await this.#change((content) => this.#rotated(content, view.signer.kid, fresh))
    } catch (error) {
      // The old key is as good as it was: no reason to sign nothing.
      if (!this.#warned) warn(error)
      this.#warned = true
    }
  }

  /** The first ring, unless another process is faster. */
  async #make(): Promise<string> {
    const { algorithm, environment, storage } = this.#settings
    const [current, next] = [await generateKey(algorithm), await generateKey(algorithm)]
    const text = await sealRing(newRing(current, next, environment.now()), await this.#masterKeys())
    if (await this.#calling(() => storage.replace(null, text))) return text
    const made = await this.#stored()
    if (made === null) throw this.#invalid('is there and is not, or was removed just now')
    return made
  }

  /** Replaces what is stored by what `plan` makes of it; `null` changes nothing. */
  async #change(plan: (content: RingContent) => RingContent | null): Promise<KeyRotation> {
    const { environment, storage } = this.#settings
    let tried = ''
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const startedAt = environment.monotonic()
      const text = (await this.#stored()) ?? (await this.#make())
      // Nothing has changed since it could not be replaced: somebody is just about to.
      if (text === tried) await new Promise<void>((resolve) => environment.setTimer(PAUSE, resolve))
      const content = await this.#open(text)
      const after = plan(content)
      const sealed = after ? await sealRing(after, await this.#masterKeys()) : text
      if (!after || (await this.#calling(() => storage.replace(text, sealed)))) {
        await this.#adopt(sealed, after ?? content, startedAt)
        return this.#rotation(after ?? content, after !== null)
      }
      tried = text
    }
    throw new StoreError(
      'ERR_KEYS_UNAVAILABLE',
      `The ${storage.description} is being replaced by another process all the time.`,
      { retryable: true },
    )
  }

  #rotation(content: RingContent, rotated: boolean): KeyRotation {
    const earliestAt = earliestRotation(content, this.#settings.overlap)
    return { rotated, current: currentOf(content).kid, next: nextOf(content).kid, earliestAt }
  }

  async #adopt(text: string, content: RingContent, startedAt: number): Promise<void> {
    const { environment, overlap } = this.#settings
    const view = await viewOf(content, environment.now(), overlap, this.#view)
    if (typeof view === 'string') throw this.#invalid(view)
    this.#view = view
    this.#hash = sha256(text)
    this.#readAt = startedAt
  }

  async #open(text: string): Promise<RingContent> {
    const content = await openRing(text, await this.#masterKeys())
    if (typeof content === 'string') throw this.#invalid(content)
    return content
  }

  #stored(): Promise<string | null> {
    return this.#calling(() => this.#settings.storage.read())
  }

  async #masterKeys(): Promise<readonly MasterKey[] | null> {
    const { keys } = this.#settings
    if (this.#masters || !keys) return this.#masters
    const masters = await keys.load()
    assertMasterKeys(masters, {
      all: keys.description,
      one: (index) => `Key ${index + 1} of ${keys.description}`,
    })
    this.#masters = masters
    return masters
  }

  /** Our own errors as they are, those of somebody's storage as the cause of one of ours. */
  async #calling<T>(call: () => MaybePromise<T>): Promise<T> {
    try {
      return await call()
    } catch (cause) {
      if (cause instanceof CoatcheckError) throw cause
      const message = `The ${this.#settings.storage.description} cannot be had at the moment.`
      throw new StoreError('ERR_KEYS_UNAVAILABLE', message, { cause, retryable: true })
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work)
    this.#last = turn.catch(() => {})
    return turn
  }

  #invalid(what: string): ConfigError {
    return new ConfigError('ERR_KEYS_INVALID', `The ${this.#settings.storage.description} ${what}.`)
  }
}
