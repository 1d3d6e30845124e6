import type { KeyRing } from '../../core/key-ring.ts'
import type { Rotation, SessionId } from '../../core/record.ts'
import { type RotationPolicy, used } from '../../core/rotation.ts'
import { parseToken } from '../../core/token.ts'
import type { Lives } from './lives.ts'
import type { AppliedCall } from './scheduled-store.ts'
import type { Violations } from './violation.ts'

/** A token as whoever has the keys sees it. */
export interface TokenFacts {
  readonly id: SessionId
  readonly generation: number
}

interface Generation {
  /** The one spelling in which it was sent. */
  token: string
  /** When a response that carried it last left. */
  leftAt: number
}

/**
 * The rules of rotation, held against what the store was told and what left in responses: rotations never stack, each has
 * one successor, and it settles no earlier than a grace after the successor last left (P3).
 */
export class RotationGuard {
  readonly #violations: Violations
  readonly #lives: Lives
  readonly #ring: KeyRing
  readonly #policy: RotationPolicy
  readonly #rotations = new Map<SessionId, Rotation>()
  readonly #generations = new Map<string, Generation>()
  /** By node and session: the generation that the node knows of, and from which place on. */
  readonly #known = new Map<string, { readonly generation: number; readonly at: number }>()
  /** By session and generation: when the store took the rotation that came after it, by the steady clock. */
  readonly #superseded = new Map<string, number>()
  /** Rotations that began. */
  rotations = 0

  constructor(violations: Violations, lives: Lives, ring: KeyRing, policy: RotationPolicy) {
    this.#violations = violations
    this.#lives = lives
    this.#ring = ring
    this.#policy = policy
  }

  factsOf(token: string): TokenFacts | null {
    const parsed = parseToken(this.#ring, token)
    return parsed.ok ? { id: parsed.id, generation: parsed.generation() ?? 0 } : null
  }

  applied(call: AppliedCall): void {
    if (call.method === 'create' || call.method === 'replace') {
      if (call.answer.outcome === 'ok')
        this.#rotations.set(call.answer.record.id, call.answer.record.rotation)
    } else if (call.method === 'rotate') {
      const { answer, args } = call
      if (answer.outcome === 'ok') this.#rotated(call.now, args[0], args[1].next)
    } else if (call.method === 'touch') {
      for (const { id, rotation } of call.args[0]) {
        const current = this.#rotations.get(id)?.revision === rotation?.ifRevision
        if (rotation && current && !this.#lives.of(id)?.end) this.#changed(id, rotation.next)
      }
    }
  }

  /** The answer has arrived: its node knows of the rotation that it tells of. */
  acknowledged(call: AppliedCall): void {
    if (call.method !== 'rotate' || call.answer.outcome !== 'ok') return
    const key = `${call.node} ${call.args[0]}`
    const { generation } = call.args[1].next
    if (generation > (this.#known.get(key)?.generation ?? 0)) {
      this.#known.set(key, { generation, at: this.#lives.next() })
    }
  }

  /** How long ago, at `now` by the steady clock, the store has taken a rotation that came after this token. */
  age({ id, generation }: TokenFacts, now: number): number {
    return now - (this.#superseded.get(`${id} ${generation}`) ?? Number.NEGATIVE_INFINITY)
  }

  /** Whether the node knew at this place of a rotation that came after that generation. */
  isKnownOld(node: string, { id, generation }: TokenFacts, at: number): boolean {
    const known = this.#known.get(`${node} ${id}`)
    return known !== undefined && generation < known.generation && known.at <= at
  }

  /** A response with this token has left, at `now` by the steady clock of the store. */
  left(token: string, now: number): void {
    const facts = this.factsOf(token)
    if (!facts) return
    const key = `${facts.id} ${facts.generation}`
    const known = this.#generations.get(key)
    if (known && known.token !== token) {
      this.#violations.add('P3', `${this.#lives.name(facts.id)} has two successors in one rotation.`)
    }
    this.#generations.set(key, { token, leftAt: now })
    const rotation = this.#rotations.get(facts.id)
    if (rotation?.generation === facts.generation) this.#assertSettledLate(facts.id, rotation)
  }

  #rotated(now: number, id: SessionId, next: Rotation): void {
    const generation = this.#rotations.get(id)?.generation ?? 0
    if (next.generation > generation) this.#superseded.set(`${id} ${generation}`, now)
    this.#changed(id, next)
  }

  #changed(id: SessionId, next: Rotation): void {
    const before = this.#rotations.get(id)
    this.#rotations.set(id, next)
    if (before && next.generation > before.generation) {
      this.rotations += 1
      // The use that starts a rotation may settle the last one in the same step.
      if (used(before, next.rotatedAt, this.#policy).previous?.settledAt === null) {
        this.#violations.add('P3', `a rotation of ${this.#lives.name(id)} began before the last had settled.`)
      }
    }
    this.#assertSettledLate(id, next)
  }

  #assertSettledLate(id: SessionId, { generation, previous }: Rotation): void {
    const settledAt = previous?.settledAt ?? null
    const leftAt = this.#generations.get(`${id} ${generation}`)?.leftAt
    if (settledAt === null || leftAt === undefined) return
    const early = leftAt + this.#policy.rotationGrace - settledAt
    if (early <= 0) return
    const message = `the rotation of ${this.#lives.name(id)} settled ${early} ms too early after its successor left.`
    this.#violations.add('P3', message)
  }
}
