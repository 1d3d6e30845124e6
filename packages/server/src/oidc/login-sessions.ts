import type { Environment, JsonFields, SessionId, Sessions } from 'coatcheck'
import { PROVEN_FIELD, provenAt } from '../forward-auth/session-fields.ts'
import { type Database, first, type Row, type Transaction } from '../storage/database.ts'
import { randomText } from '../system.ts'
import type { ArtifactKeys } from './artifact-keys.ts'

/** What applications were let in by one of our sessions. It outlives a step-up, which gives the session another id. */
export interface LoginSession {
  /** Never leaves the server. */
  readonly uid: string
  readonly sessionId: string
  readonly userId: string
  /** What the protocol library remembers between two pages. */
  readonly state: unknown
  /** Epoch seconds. */
  readonly authenticatedAt: number
  readonly level: string | undefined
  readonly methods: readonly string[]
  readonly expiresAt: number
}

/** A login session that is over. */
export interface EndedLogin {
  readonly uid: string
  readonly userId: string
  readonly participants: readonly Participant[]
}

/** An application that a login session has let in. */
export interface Participant {
  readonly clientId: string
  readonly grantId: string
  /** Whether it may go on when the session ends (`offline_access`). */
  readonly offline: boolean
}

interface LoginRow extends Row {
  readonly uid: string
  readonly session_id: string
  readonly user_id: string
  readonly state: string | null
}

interface ParticipantRow extends Row {
  readonly client_id: string
  readonly grant_id: string
  readonly offline: number
}

/** Step-ups in a row that are followed at once. */
const LONGEST_CHAIN = 16

const LOGIN = 'SELECT uid, session_id, user_id, state FROM coatcheck_oauth_logins'

/** Login sessions: views on our sessions, alive exactly as long as these are. */
export class LoginSessions {
  readonly #database: Database
  readonly #sessions: Sessions<JsonFields>
  readonly #keys: ArtifactKeys
  readonly #environment: Environment

  constructor(
    database: Database,
    sessions: Sessions<JsonFields>,
    keys: ArtifactKeys,
    environment: Environment,
  ) {
    this.#database = database
    this.#sessions = sessions
    this.#keys = keys
    this.#environment = environment
  }

  /** Of a live session, made where there is none yet; `null` where the session is over or has no user. */
  async ofSession(sessionId: string): Promise<LoginSession | null> {
    const live = await this.#live(sessionId)
    if (!live) return null
    const row =
      (await this.#find('session_id', sessionId)) ??
      (await this.#inheritedBy(sessionId, live.replaces, live.userId)) ??
      (await this.#make(sessionId, live.userId))
    return row.user_id === live.userId ? { ...this.#read(row), ...live.facts } : null
  }

  /** `null` where the session that it is a view on has ended. */
  async find(uid: string): Promise<LoginSession | null> {
    const row = await this.#find('uid', uid)
    if (!row) return null
    const current = await this.#current(row)
    if (!current) return null
    return { ...this.#read({ ...row, session_id: current.sessionId }), ...current.facts }
  }

  /**
   * Where the session has ended, its login session ends, once, together with what `finish` does about it: a process that dies in
   * between leaves all of it to the next one. Answers whether there was anything (left) to do.
   */
  async endIfOver(
    sessionId: string,
    finish: (ended: EndedLogin, transaction: Transaction) => Promise<void>,
  ): Promise<boolean> {
    const row = await this.#find('session_id', sessionId)
    if (!row || (await this.#current(row))) return false
    return this.#database.transaction(async (transaction) => {
      const sql = 'DELETE FROM coatcheck_oauth_logins WHERE uid = $1 AND session_id = $2'
      if ((await transaction.run(sql, row.uid, sessionId)) === 0) return false
      const participants = await transaction.all<ParticipantRow>(
        'DELETE FROM coatcheck_oauth_participants WHERE uid = $1 RETURNING client_id, grant_id, offline',
        row.uid,
      )
      const ended = { userId: row.user_id, uid: row.uid, participants: participants.map(toParticipant) }
      await finish(ended, transaction)
      return true
    })
  }

  /** The one that has let an application in with this grant; `null` where its session has ended. */
  async findByGrant(grantId: string): Promise<LoginSession | null> {
    const sql = 'SELECT uid FROM coatcheck_oauth_participants WHERE grant_id = $1'
    const row = await first<{ uid: string }>(this.#database, sql, grantId)
    return row && this.find(row.uid)
  }

  async remember(uid: string, state: unknown): Promise<void> {
    const sealed = state === undefined ? null : this.#keys.seal(`login ${uid}`, JSON.stringify(state))
    await this.#database.run('UPDATE coatcheck_oauth_logins SET state = $1 WHERE uid = $2', sealed, uid)
  }

  async participants(uid: string): Promise<readonly Participant[]> {
    const rows = await this.#database.all<ParticipantRow>(
      'SELECT client_id, grant_id, offline FROM coatcheck_oauth_participants WHERE uid = $1',
      uid,
    )
    return rows.map(toParticipant)
  }

  /** The one grant of an application in a login session: of parallel calls all get the same. `before`: the one that is of no use any more. */
  async grantOf(uid: string, clientId: string, fresh: string, before: string | null): Promise<string> {
    if (before !== null) {
      await this.#database.run(
        `UPDATE coatcheck_oauth_participants SET grant_id = $1, offline = 0
          WHERE uid = $2 AND client_id = $3 AND grant_id = $4`,
        fresh,
        uid,
        clientId,
        before,
      )
    }
    await this.#database.run(
      'INSERT INTO coatcheck_oauth_participants VALUES ($1, $2, $3, 0) ON CONFLICT (uid, client_id) DO NOTHING',
      uid,
      clientId,
      fresh,
    )
    const participants = await this.participants(uid)
    return participants.find((one) => one.clientId === clientId)?.grantId ?? fresh
  }

  async allowOffline(uid: string, clientId: string): Promise<void> {
    await this.#database.run(
      'UPDATE coatcheck_oauth_participants SET offline = 1 WHERE uid = $1 AND client_id = $2',
      uid,
      clientId,
    )
  }

  /** What an application knows this login session by (claim `sid`): another one for each, the same for ever. */
  sid(uid: string, clientId: string): string {
    return this.#keys.hash('sid', `${uid} ${clientId}`)
  }

  /** A step-up, or another login of the same user, has given the session another id. */
  async follow(from: string, to: string, userId: string): Promise<void> {
    await this.#database.run(
      `UPDATE coatcheck_oauth_logins SET session_id = $1 WHERE session_id = $2 AND user_id = $3
        AND NOT EXISTS (SELECT 1 FROM coatcheck_oauth_logins WHERE session_id = $1)`,
      to,
      from,
      userId,
    )
  }

  /** Session ids of login sessions, for looking whether they are over. */
  async page(after: string, limit: number): Promise<readonly string[]> {
    const rows = await this.#database.all<{ session_id: string }>(
      'SELECT session_id FROM coatcheck_oauth_logins WHERE session_id > $1 ORDER BY session_id LIMIT $2',
      after,
      limit,
    )
    return rows.map((row) => row.session_id)
  }

  async #live(sessionId: string) {
    const found = await this.#sessions.manager.lookUp(sessionId as SessionId)
    if (found.status !== 'live') return null
    const { record } = found
    const { userId, replaces } = record
    if (userId === null) return null
    const facts = {
      authenticatedAt: Math.floor(
        provenAt(record.authenticatedAt, record.data[PROVEN_FIELD], record.createdAt) / 1_000,
      ),
      level: record.authentication.level ?? undefined,
      methods: record.authentication.methods,
      expiresAt: Math.ceil(record.expiresAt / 1_000),
    }
    return { sessionId, userId, replaces, facts }
  }

  /** The live session of a row: the one that it names, or the same user's that has taken its place. */
  async #current(row: LoginRow) {
    let id: string | null = row.session_id
    for (let step = 0; step < LONGEST_CHAIN && id !== null; step++) {
      const live = await this.#live(id)
      if (live?.userId === row.user_id && id !== row.session_id)
        await this.follow(row.session_id, id, row.user_id)
      if (live) return live.userId === row.user_id ? live : null
      id = await this.#successor(id, row.user_id)
    }
    return null
  }

  async #successor(id: string, userId: string): Promise<string | null> {
    const found = await this.#sessions.manager.lookUp(id as SessionId)
    if (found.status !== 'ended' || found.tombstone.replacedByUserId !== userId) return null
    return found.tombstone.replacedBy
  }

  async #inheritedBy(sessionId: string, replaces: string | null, userId: string): Promise<LoginRow | null> {
    if (replaces === null) return null
    await this.follow(replaces, sessionId, userId)
    return this.#find('session_id', sessionId)
  }

  async #make(sessionId: string, userId: string): Promise<LoginRow> {
    await this.#database.run(
      'INSERT INTO coatcheck_oauth_logins VALUES ($1, $2, $3, NULL, $4) ON CONFLICT (session_id) DO NOTHING',
      randomText(this.#environment, 16),
      sessionId,
      userId,
      this.#environment.now(),
    )
    const row = await this.#find('session_id', sessionId)
    if (!row) throw new TypeError('A login session has ended while it was made.')
    return row
  }

  #find(column: 'uid' | 'session_id', value: string): Promise<LoginRow | null> {
    return first<LoginRow>(this.#database, `${LOGIN} WHERE ${column} = $1`, value)
  }

  #read({ uid, session_id: sessionId, user_id: userId, state }: LoginRow) {
    const opened = state === null ? null : this.#keys.open(`login ${uid}`, state)
    return { uid, sessionId, userId, state: opened === null ? undefined : JSON.parse(opened) }
  }
}

function toParticipant(row: ParticipantRow): Participant {
  return { clientId: row.client_id, grantId: row.grant_id, offline: row.offline === 1 }
}
