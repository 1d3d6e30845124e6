import type { ActiveSession } from './active-session.ts'
import { toBase64Url } from './encoding.ts'
import type { ManagerContext } from './manager-context.ts'
import type { MaybePromise } from './maybe-promise.ts'
import { constantTimeEqual } from './platform.ts'
import type { Rotation } from './record.ts'
import { handedOut, isRotationDue, judge, rotated } from './rotation.ts'
import type { RotateResult, RotationChange } from './store.ts'
import { hashSecret, issueToken } from './token.ts'

/** Attempts before a hand-out is left to the next request; each failed one means that somebody else moved the rotation on. */
const ATTEMPTS = 8

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
    return this.#attempt(session).catch((error) => {
      // The guarded store has reported its own failures; the old token goes on working.
      if (!(error instanceof Error && 'retryable' in error)) throw error
      return null
    })
  }

  #isDue(session: ActiveSession): boolean {
    if (session.record.userId === null) return false
    return isRotationDue(session.record.rotation, session.now(), this.#context.settings.rotation)
  }

  async #attempt(session: ActiveSession): Promise<string | null> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (session.isOvertaken && !(await this.#judgeAgain(session))) return null
      const step = session.standing === 'valid' ? this.#start(session) : this.#handOut(session)
      if (step === null) return null
      const { token, change } = step
      const result = change
        ? await this.#context.store.call('rotate', session.record.id, change)
        : await this.#lookAgain(session)
      if (result.outcome === 'gone') return null
      session.refresh(result)
      if (result.outcome === 'ok') return this.#succeeded(session, token)
    }
    return null
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

  /** The first step of a rotation: fresh salt, derived secret, compare-and-set. */
  #start(session: ActiveSession): { token: string; change: RotationChange } | null {
    if (!this.#isDue(session)) return null
    const { ring, environment, settings } = this.#context
    const { id, rotation } = session.record
    const salt = toBase64Url(environment.randomBytes(16))
    const secret = ring.deriveSuccessor(ring.currentSlot, salt, id, session.secret)
    if (!secret) return null
    const successor = {
      secretHash: hashSecret('session', id, secret, { name: ring.name, slot: ring.currentSlot }),
      salt,
      keySlot: ring.currentSlot,
      context: session.context.fingerprint,
    }
    const next = rotated(rotation, successor, session.now(), settings.rotation)
    return {
      token: issueToken(ring, ring.currentSlot, id, secret, next.generation),
      change: { ifRevision: rotation.revision, next },
    }
  }

  /** The successor again, for a holder of the previous secret; recorded first where no earlier hand-out accounts for it. */
  #handOut(session: ActiveSession): { token: string; change: RotationChange | null } | null {
    const { ring, settings } = this.#context
    const { id, rotation } = session.record
    if (!rotation.previous) return null
    const { keySlot, salt } = rotation.previous
    const secret = ring.deriveSuccessor(keySlot, salt, id, session.secret)
    // Without the key that derived it, or with a hash that differs, anything sent would sign the client out.
    if (!secret) return this.#handOutFailed(session, 'key')
    const hash = hashSecret('session', id, secret, { name: ring.name, slot: keySlot })
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
    const scope = { name: ring.name, slot: session.slot }
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
