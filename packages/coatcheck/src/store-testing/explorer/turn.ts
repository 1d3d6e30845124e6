import { StoreError } from '../../core/errors.ts'
import type { LoginOptions, Session } from '../../http/session.ts'
import type { ExplorerData } from './explorer-data.ts'
import type { Visit } from './visit.ts'
import type { World } from './world.ts'
import type { Write, WriteFate, WriteKind } from './write-ledger.ts'

/** What the application of a scenario does with the session of one request; follows the fate of its writes. */
export class Turn {
  readonly session: Session<ExplorerData>
  readonly #world: World
  readonly #visit: Visit
  readonly #actor: string
  #writes: Write[] = []
  /** Events of the visit that are about earlier writes. */
  #reported = 0

  constructor(world: World, session: Session<ExplorerData>, visit: Visit, actor: string) {
    this.#world = world
    this.session = session
    this.#visit = visit
    this.#actor = actor
  }

  get visit(): Visit {
    return this.#visit
  }

  /** Takes time, in which others may come in and the clock may go on. */
  async work(what = 'works'): Promise<void> {
    await this.#world.scheduler.point({ actor: this.#actor, label: what })
  }

  write(kind: WriteKind): void {
    const { session } = this
    const write = this.#world.writes.begin(kind, session.userId, session.id, this.#visit.node)
    this.#writes.push(write)
    switch (kind) {
      case 'carried':
        session.append('items', write.item)
        session.add('count', 1)
        break
      case 'private':
        session.append('private', write.item)
        break
      case 'updated':
        session.update('updated', (items) => [...items, write.item])
        break
    }
  }

  /** Commits by hand and believes what it is told. */
  async commit(): Promise<'ok' | 'gone' | 'nothing'> {
    const writes = this.#writes
    this.#writes = []
    try {
      const outcome = await this.session.commit()
      for (const write of writes) this.#done(write, outcome === 'gone' ? 'gone' : 'ok')
      this.#reported = this.#visit.events.length
      return outcome
    } catch (error) {
      for (const write of writes) this.#done(write, fateAfter(error))
      throw error
    }
  }

  async login(userId: string, options: LoginOptions<ExplorerData> = {}): Promise<void> {
    const before = this.session.userId
    await this.session.login(userId, options)
    const comesAlong = before === null || before === userId
    for (const write of this.#writes) {
      const carried = comesAlong && write.kind !== 'private'
      // Straight into the new session, whatever has become of the one before.
      if (carried) write.session = this.session.id
      this.#done(write, carried ? 'ok' : 'left')
    }
    this.#forget()
  }

  async stepUp(): Promise<void> {
    await this.session.reauthenticate({ level: 'aal2' })
    this.#settle('ok')
  }

  async logout(): Promise<void> {
    this.#visit.loggedOut = true
    await this.session.logout()
    this.#settle('left')
  }

  /** The handler or the automatic commit threw this. */
  failed(error: unknown): void {
    this.#settle(fateAfter(error))
  }

  /** The headers have left: what was not committed by hand has been by now, or was reported. */
  finished(): void {
    const { events } = this.#visit
    const dropped = events.slice(this.#reported).some(({ name }) => name === 'write-dropped')
    this.#settle(dropped ? 'gone' : 'ok')
  }

  #settle(fate: Fate): void {
    for (const write of this.#writes) this.#done(write, fate)
    this.#forget()
  }

  #forget(): void {
    this.#writes = []
    this.#reported = this.#visit.events.length
  }

  #done(write: Write, fate: Fate): void {
    write.fate = fate
    write.doneAt = this.#world.lives.next()
    write.doneNow = this.#world.clock.now()
    // A visitor's first write makes the session.
    if (fate === 'ok') write.session ??= this.session.id
  }
}

/** Whether nothing of a write remains surely. */
function fateAfter(error: unknown): Fate {
  return error instanceof StoreError && !error.retryable ? 'unknown' : 'failed'
}

type Fate = Exclude<WriteFate, 'pending'>
