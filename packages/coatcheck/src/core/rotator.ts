import type { ActiveSession } from './active-session.ts'
import { toBase64Url } from './encoding.ts'
import type { ManagerContext } from './manager-context.ts'
import type { MaybePromise } from './maybe-promise.ts'
import { constantTimeEqual } from './platform.ts'
import type { Rotation } from './record.ts'
import { handedOut, isRotationDue, judge, rotated, used } from './rotation.ts'
import type { RotateResult, RotationChange } from './store.ts'
import { hashSecret, issueToken } from './token.ts'
import type { Touches } from './touches.ts'

/** Attempts before a hand-out is left to the next request; each failed one means that somebody else moved the rotation on. */
const ATTEMPTS = 8

/** What came of a use: the token to go on with (`null`: the one that was presented), or nothing, since the session is over. */
export type Exchanged =
  | { readonly outcome: 'ok'; readonly token: string | null }
  | { readonly outcome: 'gone' }

/** What is to be written, if anything, before this token leaves. */
interface Step {
  readonly token: string | null
  readonly change: RotationChange | null
}

const KEEP: Exchanged = Object.freeze({ outcome: 'ok', token: null })
const GONE: Exchanged = Object.freeze({ outcome: 'gone' })

/**
 * Decides, when a response's headers leave, whether they carry a new token: starts a rotation that is due, or hands the
 * successor of the last one to a client that still holds the old token (design section 6). All racers derive the same
 * successor, so it does not matter who wins.
 */
export class Rotator {
  readonly #context: ManagerContext

  constructor(context: ManagerContext) {
    this.#context = context
  }

  /** The token to send, or `null`: keep what you have. A store that fails leaves the client with its current token. */
  tokenFor(session: ActiveSession): MaybePromise<string | null> {
    if (session.isFromCache && session.transport === 'cookie') return null
    if (session.standing === 'valid' && !session.isOvertaken && !this.#isDue(session)) return null
    const exchanged = this.#attempt(session, () => this.#startIfDue(session))
    return exchanged.then(tokenOf, (error) => {
      // The guarded store has reported its own failures; the old token goes on working.
      if (!(error instanceof Error && 'retryable' in error)) throw error
      return null
    })
  }

  /**
   * The same for a token that is exchanged whenever it is used: this use settles the last rotation and starts the next in
   * one step. What must be known before the answer leaves is written before; a store that fails is thrown.
   */
  async exchange(session: ActiveSession, touches: Touches): Promise<Exchanged> {
    const exchanged = await this.#attempt(session, () => this.#useAndStart(session))
    const { touchInterval } = this.#context.settings.lifetimes[session.record.lifetime]
    if (exchanged.outcome === 'ok') touches.use(session, touchInterval, null)
    return exchanged
  }

  #isDue(session: ActiveSession): boolean {
    if (session.record.userId === null) return false
    return isRotationDue(session.record.rotation, session.now(), this.#context.settings.rotation)
  }

  async #attempt(session: ActiveSession, start: () => Step | null): Promise<Exchanged> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (session.isOvertaken && !(await this.#judgeAgain(session))) return GONE
      const step = session.standing === 'valid' ? start() : this.#handOut(session)
      if (step === null) return KEEP
      const { token, change } = step
      const result = change
        ? await this.#context.store.call('rotate', session.record.id, change)
        : await this.#lookAgain(session)
      if (result.outcome === 'gone') return GONE
      session.refresh(result)
      if (result.outcome === 'ok') return { outcome: 'ok', token: token && this.#succeeded(session, token) }
    }
    return KEEP
  }

  /**
   * A hand-out that is accounted for already writes nothing, so nothing has told whether the session still lives: a
   * successor that leaves after a login or step-up has replaced it would push the new cookie out of the jar (P3).
   */
  async #lookAgain(session: ActiveSession): Promise<RotateResult> {
    const { id, rotation } = session.record
    const found = await this.#context.find(id, session.context)
    if (found.status !== 'live') return { outcome: 'gone', tombstone: null }
    const { record, now } = found
    return { outcome: record.rotation.revision === rotation.revision ? 'ok' : 'conflict', record, now }
  }

  #succeeded(session: ActiveSession, token: string): string {
    const { record, context, standing } = session
    session.judged('superseded')
    if (standing === 'valid') {
      this.#context.emit('rotated', record, context, { generation: record.rotation.generation })
    }
    return token
  }

  #startIfDue(session: ActiveSession): Step | null {
    return this.#isDue(session) ? this.#start(session, session.record.rotation) : null
  }

  #useAndStart(session: ActiveSession): Step | null {
    const { rotation } = session.record
    const policy = this.#context.settings.rotation
    const next = used(rotation, session.now(), policy)
    if (isRotationDue(next, session.now(), policy)) return this.#start(session, next)
    return next === rotation ? null : { token: null, change: { ifRevision: rotation.revision, next } }
  }

  /** The first step of a rotation: fresh salt, derived secret, compare-and-set. `from` is the record's rotating half, or what this use makes of it. */
  #start(session: ActiveSession, from: Rotation): Step | null {
    const { ring, environment, settings } = this.#context
    const { id, rotation } = session.record
    const salt = toBase64Url(environment.randomBytes(16))
    const secret = ring.deriveSuccessor(ring.currentSlot, salt, id, session.secret)
    if (!secret) return null
    const { name } = ring
    const { binding } = session
    const successor = {
      secretHash: hashSecret('session', id, secret, { name, slot: ring.currentSlot, binding }),
      salt,
      keySlot: ring.currentSlot,
      context: session.context.fingerprint,
    }
    const { revision } = rotation
    const next = rotated({ ...from, revision }, successor, session.now(), settings.rotation)
    return {
      token: issueToken(ring, ring.currentSlot, id, secret, next.generation),
      change: { ifRevision: revision, next },
    }
  }

  /** The successor again, for a holder of the previous secret; recorded first where no earlier hand-out accounts for it. */
  #handOut(session: ActiveSession): Step | null {
    const { ring, settings } = this.#context
    const { id, rotation } = session.record
    if (!rotation.previous) return null
    const { keySlot, salt } = rotation.previous
    const secret = ring.deriveSuccessor(keySlot, salt, id, session.secret)
    // Without the key that derived it, or with a hash that differs, anything sent would sign the client out.
    if (!secret) return this.#handOutFailed(session, 'key')
    const hash = hashSecret('session', id, secret, {
      name: ring.name,
      slot: keySlot,
      binding: session.binding,
    })
    if (!constantTimeEqual(hash, rotation.secretHash)) return this.#handOutFailed(session, 'hash')
    const next: Rotation | null = handedOut(rotation, session.now(), settings.rotation)
    const token = issueToken(ring, keySlot, id, secret, rotation.generation)
    return { token, change: next && { ifRevision: rotation.revision, next } }
  }

  #handOutFailed({ record, context }: ActiveSession, cause: 'key' | 'hash'): null {
    this.#context.emit('hand-out-failed', record, context, { cause })
    return null
  }

  /** After a lost compare-and-set, or a write that brought a newer record: whether the presented secret still stands, and where. */
  async #judgeAgain(session: ActiveSession): Promise<boolean> {
    const { ring, settings } = this.#context
    const { id, rotation } = session.record
    const scope = { name: ring.name, slot: session.slot, binding: session.binding }
    const presented = {
      secretHash: hashSecret('session', id, session.secret, scope),
      generation: () => null,
    }
    const verdict = judge(rotation, presented, session.now(), settings.rotation, constantTimeEqual)
    if (verdict.kind !== 'valid' && verdict.kind !== 'superseded') return false
    const overtaken = session.standing === 'valid' && verdict.kind === 'superseded'
    session.judged(verdict.kind)
    return overtaken ? this.#mayShare(session, verdict.previous.context) : true
  }

  /** Somebody else rotated in the same moment; another context there is a shared rotation like any other (P4). */
  async #mayShare({ record, context }: ActiveSession, previousContext: string): Promise<boolean> {
    if (previousContext === context.fingerprint) return true
    const action = this.#context.settings.onSharedRotation
    this.#context.emit('shared-rotation', record, context, { previousContext, action })
    if (action === 'report') return true
    await this.#context.end(record.id, 'shared-rotation', context)
    return false
  }
}

function tokenOf(exchanged: Exchanged): string | null {
  return exchanged.outcome === 'ok' ? exchanged.token : null
}
