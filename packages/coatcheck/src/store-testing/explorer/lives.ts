import type { EndReason, SessionId, SessionRecord, Tombstone } from '../../core/record.ts'
import type { Ended } from '../../core/store.ts'
import type { AppliedCall } from './scheduled-store.ts'
import type { Violations } from './violation.ts'

/** What is known of one session, from nothing but the store's answers in the order in which it gave them. */
export interface Life {
  readonly id: SessionId
  /** `s1`, `s2` ...: for people. */
  readonly name: string
  readonly userId: string | null
  /** Place of its first appearance among all that happened. */
  readonly bornAt: number
  /** Milliseconds on the steady clock before which it cannot have expired. */
  readonly safeUntil: number
  end: End | null
}

export interface End {
  /** Place among all that happened. */
  readonly at: number
  readonly reason: EndReason
  /** Which call said so first, of which node, and when (steady clock). */
  readonly by: string
  readonly node: string
  readonly now: number
  readonly replacedBy: SessionId | null
  /** Whether the session that took its place has all of its data. */
  readonly isKept: boolean
  /** From which place on each node knows of it, by an answer that has arrived there. */
  readonly knownAt: Map<string, number>
}

type Successor = Pick<End, 'replacedBy' | 'isKept'>

/**
 * Remembers what the store has ended, in the order in which it did, and finds out who comes back (P1) and who is gone
 * without an end.
 */
export class Lives {
  readonly #violations: Violations
  readonly #lives = new Map<SessionId, Life>()
  /** Of each call, which ends its answer tells of. */
  readonly #toldBy = new WeakMap<AppliedCall, readonly End[]>()
  #telling: End[] = []
  /** Counts all that happens, so that two things can be put in order. */
  #place = 0
  #asked: Pick<AppliedCall, 'node' | 'now'> = { node: '', now: 0 }

  constructor(violations: Violations) {
    this.#violations = violations
  }

  get all(): readonly Life[] {
    return [...this.#lives.values()]
  }

  /** The place of what happens now. */
  next(): number {
    this.#place += 1
    return this.#place
  }

  of(id: SessionId | null): Life | null {
    return id === null ? null : (this.#lives.get(id) ?? null)
  }

  name(id: SessionId | null): string {
    return this.of(id)?.name ?? (id === null ? 'nothing' : 'a stranger')
  }

  applied(call: AppliedCall): void {
    this.#asked = call
    this.#telling = []
    this.#learn(call)
    this.#toldBy.set(call, this.#telling)
  }

  /** The answer has arrived: from here on its node knows of the ends that it tells of. */
  acknowledged(call: AppliedCall): void {
    const place = this.next()
    for (const { knownAt } of this.#toldBy.get(call) ?? []) {
      if (!knownAt.has(call.node)) knownAt.set(call.node, place)
    }
  }

  #learn(call: AppliedCall): void {
    switch (call.method) {
      case 'create':
        if (call.answer.outcome === 'ok') this.#born(call.answer.record, call.method)
        break
      case 'find':
        if (call.answer.status === 'live') this.#alive(call.args[0], call.method)
        else if (call.answer.status === 'ended') this.#buried(call.answer.tombstone, call.method)
        else this.#missing(call.args[0], call.method)
        break
      case 'mutate':
      case 'rotate':
        if (call.answer.outcome === 'gone') this.#gone(call.args[0], call.answer.tombstone, call.method)
        else if (call.answer.outcome !== 'rejected') this.#alive(call.args[0], call.method)
        break
      case 'replace':
        this.#replaced(call)
        break
      case 'list':
        for (const { id } of call.answer.sessions) this.#alive(id, call.method)
        break
      case 'endEveryone':
        for (const { id } of this.all) this.#ended({ id, reason: call.args[0].reason }, call.method)
        break
      default:
        this.#appliedEnd(call)
    }
  }

  #appliedEnd(call: AppliedCall): void {
    if (call.method === 'end' && call.answer.outcome === 'already')
      this.#buried(call.answer.tombstone, call.method)
    const ends =
      (call.method === 'end' && call.answer.outcome === 'ended') ||
      call.method === 'endUser' ||
      call.method === 'sweep'
    if (ends) for (const ended of endedBy(call)) this.#ended(ended, call.method)
  }

  #replaced({ args, answer }: Extract<AppliedCall, { readonly method: 'replace' }>): void {
    if (answer.outcome === 'gone' && args[0] !== null) this.#gone(args[0], answer.tombstone, 'replace')
    if (answer.outcome !== 'ok') return
    this.#born(answer.record, 'replace')
    const [old, , { carry, reason }] = args
    const successor = { replacedBy: answer.replaced ? answer.record.id : null, isKept: carry === 'all' }
    if (old !== null) this.#ended({ id: old, reason }, 'replace', successor)
    for (const evicted of answer.evicted) this.#ended(evicted, 'replace')
  }

  #born({ id, userId, idleTimeout }: SessionRecord, by: string): void {
    if (this.#lives.has(id)) {
      this.#alive(id, by)
      return
    }
    const name = `s${this.#lives.size + 1}`
    const safeUntil = this.#asked.now + idleTimeout
    this.#lives.set(id, { id, name, userId, bornAt: this.next(), safeUntil, end: null })
  }

  #alive(id: SessionId, by: string): void {
    const life = this.#lives.get(id)
    if (!life?.end) return
    const message = `${by} found ${life.name} alive, which ${life.end.by} had ended (${life.end.reason}).`
    this.#violations.add('P1', message)
  }

  #gone(id: SessionId, tombstone: Tombstone | null, by: string): void {
    if (tombstone) this.#buried(tombstone, by)
    else this.#missing(id, by)
  }

  #buried({ id, reason, replacedBy }: Tombstone, by: string): void {
    this.#ended({ id, reason }, by, { replacedBy, isKept: false })
  }

  /** Without a tombstone only what has ended long ago may be: as we know, or by itself. */
  #missing(id: SessionId, by: string): void {
    const life = this.#lives.get(id)
    if (!life || life.end || this.#asked.now >= life.safeUntil) return
    this.#violations.add('P10', `${by} does not know ${life.name}, which nothing had ended.`)
  }

  #ended(
    { id, reason }: Pick<Ended, 'id' | 'reason'>,
    by: string,
    successor: Successor = NO_SUCCESSOR,
  ): void {
    const life = this.#lives.get(id)
    const { node, now } = this.#asked
    if (!life) return
    life.end ??= { at: this.next(), reason, by, node, now, knownAt: new Map(), ...successor }
    this.#telling.push(life.end)
  }
}

const NO_SUCCESSOR = Object.freeze({ replacedBy: null, isKept: false })

function endedBy(call: AppliedCall): readonly Ended[] {
  switch (call.method) {
    case 'end':
      return call.answer.outcome === 'ended' ? call.answer.ended : []
    case 'endUser':
    case 'sweep':
      return call.answer.ended
    default:
      return []
  }
}
