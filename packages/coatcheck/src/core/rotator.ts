import type { ActiveSession } from './active-session.ts'
import { toBase64Url } from './encoding.ts'
import type { ManagerContext } from './manager-context.ts'
import type { MaybePromise } from './maybe-promise.ts'
import { constantTimeEqual } from './platform.ts'
import type { Rotation } from './record.ts'
import { handedOut, isRotationDue, judge, rotated } from './rotation.ts'
import type { RotationChange } from './store.ts'
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
    if (session.standing === 'valid' && !this.#isDue(session)) return null
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
      const step = session.standing === 'valid' ? this.#start(session) : this.#handOut(session)
      if (step === null) return null
      const { token, change } = step
      if (change === null) return token
      const result = await this.#context.store.call('rotate', session.record.id, change)
      if (result.outcome === 'gone') return null
      session.refresh(result)
      if (result.outcome === 'ok') return this.#succeeded(session, token)
      if (!this.#judgeAgain(session)) return null
    }
    return null
  }

  #succeeded(session: ActiveSession, token: string): string {
    const { rotation } = session.record
    if (session.standing === 'valid') {
      session.standing = 'superseded'
      this.#context.emit('rotated', session.record, session.context, { generation: rotation.generation })
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
    if (!secret) return null
    const hash = hashSecret('session', id, secret, { name: ring.name, slot: keySlot })
    if (!constantTimeEqual(hash, rotation.secretHash)) return null
    const next: Rotation | null = handedOut(rotation, session.now(), settings.rotation)
    const token = issueToken(ring, keySlot, id, secret, rotation.generation)
    return { token, change: next && { ifRevision: rotation.revision, next } }
  }

  /** After a lost compare-and-set: where the presented secret stands now. */
  #judgeAgain(session: ActiveSession): boolean {
    const { record } = session
    const presented = {
      secretHash: hashSecret('session', record.id, session.secret, {
        name: this.#context.ring.name,
        slot: session.slot,
      }),
      generation: () => null,
    }
    const verdict = judge(
      record.rotation,
      presented,
      session.now(),
      this.#context.settings.rotation,
      constantTimeEqual,
    )
    if (verdict.kind !== 'valid' && verdict.kind !== 'superseded') return false
    session.standing = verdict.kind
    return true
  }
}
