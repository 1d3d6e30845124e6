import type { Json, JsonFields } from '../../core/json.ts'
import type { Operation, SessionId, Tombstone } from '../../core/record.ts'
import type { NewSession, SessionLimit } from '../../core/store.ts'
import { mutateOptions, newSession, ROOMY, replaceOptions, sessionId, sessionIdOf } from '../fixtures.ts'
import { type Command, EVERYONE, USERS, type WideCommand } from './command.ts'
import { Random } from './random.ts'

type Kind = Command['kind'] | 'repeat'

const WEIGHTS: Readonly<Record<Kind, number>> = {
  create: 10,
  find: 14,
  mutate: 24,
  repeat: 6,
  rotate: 8,
  replace: 16,
  touch: 10,
  end: 8,
  'note-epoch-for': 3,
  adopt: 8,
  bury: 4,
  'end-user': 2,
  'end-everyone': 1,
  'note-epoch': 4,
  list: 6,
  sweep: 3,
  scan: 2,
  advance: 5,
  'advance-to-deadline': 3,
}

const FIELDS = ['a', 'b', 'c', '__proto__'] as const

const VALUES: readonly [Json, ...Json[]] = [
  null,
  true,
  0,
  1,
  -2.5,
  1e21,
  '',
  'text',
  'Zoë 🧥 \ud800',
  [],
  {},
  [1, 'two', [3]],
  { z: 1, a: [{}] },
]

/** Enough of both that sessions expire, and that some do not. */
const IDLE_TICKS = [100, 2_000, 600_000, 600_000] as const
const ABSOLUTE_TICKS = [400, 5_000_000, 5_000_000] as const
const ADVANCES = [1, 7, 60, 60, 700, 40_000] as const

/** `count` commands that follow from the seed. `precision` is the length of a tick in milliseconds. */
export function generateCommands(seed: number, count: number, precision: number): readonly Command[] {
  const generator = new CommandGenerator(new Random(seed), precision)
  return Array.from({ length: count }, () => generator.next())
}

interface Moved {
  readonly id: SessionId
  readonly userId: string | null
}

class CommandGenerator {
  readonly #random: Random
  readonly #precision: number
  readonly #ids: SessionId[] = []
  readonly #userIds = new Map<SessionId, string | null>()
  /** Sessions of another store whose epoch was noted. */
  readonly #noted: Moved[] = []
  #lastReplaced: SessionId | null = null
  /** The latest commands: fewer than the writes that every store must remember. */
  #recent: Command[] = []
  #count = 0

  constructor(random: Random, precision: number) {
    this.#random = random
    this.#precision = precision
  }

  next(): Command {
    const command = this.#make(this.#random.weighted(WEIGHTS))
    this.#recent = [...this.#recent, command].slice(-6)
    return command
  }

  #make(kind: Kind): Command {
    const random = this.#random
    switch (kind) {
      case 'repeat':
        return this.#recent.findLast(isRepeatable) ?? this.#make('mutate')
      case 'advance':
        return { kind, ticks: random.pick(ADVANCES) }
      case 'advance-to-deadline':
        return {
          kind,
          id: this.#id(),
          deadline: random.pick(['idle', 'idle', 'absolute']),
          ticks: random.pick([-1, 0, 1]),
        }
      case 'create':
        return { kind, session: random.oneIn(12) ? this.#sessionAgain() : this.#session() }
      case 'find':
        return { kind, id: this.#id() }
      case 'mutate':
        return this.#mutate()
      case 'rotate':
        return { kind, id: this.#id(), n: this.#next(), known: !random.oneIn(4) }
      case 'replace':
        return this.#replace()
      case 'touch':
        return { kind, batch: Array.from({ length: 1 + random.below(4) }, () => this.#touch()) }
      case 'end':
        return this.#end()
      case 'note-epoch-for': {
        const moved = this.#moved()
        this.#noted.push(moved)
        return { kind, ...moved }
      }
      case 'adopt':
        return this.#adopt()
      case 'bury':
        return this.#bury()
      default:
        return this.#makeWide(kind)
    }
  }

  #makeWide(kind: WideCommand['kind']): Command {
    const random = this.#random
    switch (kind) {
      case 'end-user': {
        const except = Array.from({ length: random.below(3) }, () => this.#id())
        return { kind, userId: random.pick(USERS), options: { reason: 'revoked', except } }
      }
      case 'end-everyone':
        return { kind, reason: EVERYONE }
      case 'note-epoch':
        return { kind, userId: random.pick(USERS) }
      case 'list':
        return { kind, userId: random.pick(USERS), limit: 1 + random.below(4) }
      case 'sweep':
      case 'scan':
        return { kind, limit: 1 + random.below(5) }
    }
  }

  #mutate(): Command {
    const random = this.#random
    const version = random.pick(['any', 'any', 'any', 'known', 'other'])
    const operationId = `operation-${this.#next()}`
    // With one plain operation it is certain which of several refusals applies.
    const plain: Operation[] = [{ kind: 'set', field: random.pick(FIELDS), value: this.#value() }]
    if (random.oneIn(8)) {
      const options = mutateOptions(operationId, { maxBytes: 10 + random.below(60) })
      return { kind: 'mutate', id: this.#id(), operations: plain, options, version: 'any' }
    }
    const operations = version === 'other' ? plain : this.#operations(4)
    const upgrade = random.oneIn(10) ? { schemaVersion: 2 + random.below(3) } : {}
    return {
      kind: 'mutate',
      id: this.#id(),
      operations,
      options: mutateOptions(operationId, upgrade),
      version,
    }
  }

  #replace(): Command {
    const random = this.#random
    const old = random.oneIn(5) ? null : this.#id()
    const sameUser = old === null ? null : (this.#userIds.get(old) ?? null)
    const userId = sameUser !== null && !random.oneIn(3) ? sameUser : random.pick([null, ...USERS, ...USERS])
    this.#lastReplaced = old
    const limit: SessionLimit = {
      count: 1 + random.below(4),
      onLimit: random.pick(['refuse', 'evict-idle', 'evict-oldest']),
    }
    const options = replaceOptions(`operation-${this.#next()}`, {
      reason: random.pick(['replaced', 'step-up']),
      requireOld: random.oneIn(3),
      carry: random.pick<'all' | readonly string[]>(['all', [], ['a', '__proto__'], ['b']]),
      operations: random.oneIn(3) ? this.#operations(2) : [],
      maxBytes: random.oneIn(10) ? 40 : ROOMY,
      limit: random.oneIn(2) ? limit : null,
    })
    const epoch = random.pick(['none', 'none', 'current', 'noted'])
    return { kind: 'replace', old, session: this.#session(userId), options, epoch }
  }

  #adopt(): Command {
    const random = this.#random
    const noted = random.oneIn(2) ? this.#noted.pop() : undefined
    // Of one that is over and stale, either is said.
    const isOver = noted === undefined && random.oneIn(8)
    const epoch = noted ? 'noted' : random.pick(['none', 'none', 'current'])
    return {
      kind: 'adopt',
      n: this.#next(),
      ...(noted ?? (random.oneIn(4) ? this.#movedAgain() : this.#moved())),
      createdAgo: random.below(1_000),
      lastSeenAgo: random.below(500),
      idleTicks: isOver ? random.pick([0, -1, 100]) : random.pick(IDLE_TICKS),
      ticksLeft: isOver ? random.pick([0, -1]) : random.pick(ABSOLUTE_TICKS),
      epoch: isOver ? 'none' : epoch,
    }
  }

  #bury(): Command {
    const random = this.#random
    const { id, userId } = random.oneIn(3) ? this.#moved() : this.#movedAgain()
    const later = this.#ids.slice(this.#ids.indexOf(id) + 1)
    // What takes the place of a session is made after it: no chain of replacements goes in circles.
    const replacedBy =
      later.length > 0 && random.oneIn(2) ? (later[random.below(later.length)] ?? null) : null
    const tombstone: Omit<Tombstone, 'endedAt'> = {
      id,
      userId,
      reason: random.pick(['logout', 'replaced']),
      replacedBy,
      replacedByUserId: replacedBy && (this.#userIds.get(replacedBy) ?? null),
    }
    return { kind: 'bury', tombstone, ticksAgo: random.pick([-10, 0, 1, 1_000]) }
  }

  /** A session that is in the other store alone. */
  #moved(): Moved {
    const userId = this.#random.pick([null, ...USERS])
    const id = sessionIdOf(this.#next(), userId)
    this.#ids.push(id)
    this.#userIds.set(id, userId)
    return { id, userId }
  }

  /** One that may be here as well. */
  #movedAgain(): Moved {
    const id = this.#id()
    return { id, userId: this.#userIds.get(id) ?? null }
  }

  #end(): Command {
    const random = this.#random
    const ofUser = random.oneIn(3) ? { ofUser: random.pick(USERS) } : {}
    const options = { reason: random.pick(['logout', 'revoked']), follow: random.oneIn(2), ...ofUser }
    const id = random.oneIn(3) ? this.#lastReplaced : null
    return { kind: 'end', id: id ?? this.#id(), options }
  }

  #touch() {
    const random = this.#random
    return {
      id: this.#id(),
      ticksAgo: random.pick([0, 0, 3, 60, 2_000]),
      n: random.oneIn(4) ? this.#next() : null,
    }
  }

  #session(userId: string | null = this.#random.oneIn(3) ? null : this.#random.pick(USERS)): NewSession {
    const n = this.#next()
    const random = this.#random
    const data: JsonFields = Object.fromEntries(
      FIELDS.filter(() => random.oneIn(2)).map((field) => [field, this.#value()]),
    )
    const session = newSession(n, {
      id: sessionIdOf(n, userId),
      userId,
      data,
      idleTimeout: random.pick(IDLE_TICKS) * this.#precision,
      absoluteTimeout: random.pick(ABSOLUTE_TICKS) * this.#precision,
      transport: random.pick(['cookie', 'bearer']),
      schemaVersion: 1 + random.below(2),
    })
    this.#ids.push(session.id)
    this.#userIds.set(session.id, userId)
    return session
  }

  /** Of an id that was made before, for the same user or for nobody: those of another user would lie in another partition. */
  #sessionAgain(): NewSession {
    const session = this.#session()
    const id = this.#id()
    return { ...session, id, userId: session.userId && (this.#userIds.get(id) ?? null) }
  }

  #operations(most: number): Operation[] {
    return Array.from({ length: this.#random.below(most + 1) }, () => this.#operation())
  }

  #operation(): Operation {
    const random = this.#random
    const field = random.pick(FIELDS)
    const value = this.#value()
    switch (random.weighted({ set: 5, delete: 2, add: 3, append: 4, remove: 2, swap: 2 })) {
      case 'set':
        return { kind: 'set', field, value }
      case 'delete':
        return { kind: 'delete', field }
      case 'add':
        return {
          kind: 'add',
          field,
          amount: random.pick([1, -1, 0.5]),
          ...(random.oneIn(2) && { initial: 10 }),
        }
      case 'append':
        return { kind: 'append', field, value, ...(random.oneIn(2) && { initial: [value] }) }
      case 'remove':
        return { kind: 'remove', field, value, ...(random.oneIn(2) && { initial: [value, 1] }) }
      case 'swap':
        return { kind: 'swap', field, expected: random.oneIn(2) ? undefined : value, value: this.#value() }
    }
  }

  #value(): Json {
    return this.#random.pick(VALUES)
  }

  /** Mostly a session of late, now and then an old one or one that never was. */
  #id(): SessionId {
    const random = this.#random
    const known = this.#ids.length
    if (known === 0 || random.oneIn(20)) return sessionId(1_000_000 + this.#next())
    const back = random.oneIn(5) ? random.below(known) : random.below(Math.min(known, 4))
    return this.#ids[known - 1 - back] ?? sessionId(0)
  }

  #next(): number {
    this.#count++
    return this.#count
  }
}

/** A repetition with `ifVersion` or `ifEpoch` says the same, but only where it is a repetition; left out for clearness. */
function isRepeatable(command: Command): boolean {
  if (command.kind === 'mutate') return command.version === 'any'
  return command.kind === 'replace' && command.epoch === 'none'
}
