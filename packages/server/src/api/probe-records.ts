import { Buffer } from 'node:buffer'
import type { SessionId } from 'coatcheck'
import type { Authority } from '../authority.ts'
import { randomText, sha256 } from '../system.ts'

/** How the ids of all of them begin, 48 bits: no session has such an id by chance. */
const MARK = 'changes_'

const ID_BYTES = 16

/** Longest that a record lasts, in milliseconds. */
export const RECORD_LIFE = 12 * 3_600_000

type Manager = Authority['sessions']['manager']

/**
 * How a probe reaches the process that has its stream, wherever the balancer sent it: a record among the sessions for each
 * stream, which the probe is written into. Like every change that is told to all processes. Nobody's session, good for nothing.
 */
export class ProbeRecords {
  readonly #manager: Manager
  readonly #environment: Authority['environment']

  constructor({ sessions, environment }: Pick<Authority, 'sessions' | 'environment'>) {
    this.#manager = sessions.manager
    this.#environment = environment
  }

  static isOne(id: SessionId): boolean {
    return id.startsWith(MARK)
  }

  /** Of a stream's name and its owner: whoever has another key finds none. */
  static idOf(stream: string, owner: string): SessionId {
    const digest = Buffer.from(sha256(`changes ${stream} ${owner}`), 'base64url').subarray(0, ID_BYTES)
    return `${MARK}${digest.toString('base64url').slice(MARK.length)}` as SessionId
  }

  async make(id: SessionId): Promise<void> {
    await this.#manager.store.call('create', {
      id,
      secretHash: sha256(this.#environment.randomBytes(ID_BYTES)),
      userId: null,
      lifetime: 'anonymous',
      idleTimeout: RECORD_LIFE,
      absoluteTimeout: RECORD_LIFE,
      authenticated: false,
      authentication: { methods: [], level: null },
      transport: 'bearer',
      device: { userAgent: null, address: null, label: null },
      data: {},
      // What is no session, for lists.
      schemaVersion: 0,
    })
  }

  /** `false`: there is no stream. */
  async write(id: SessionId, probe: string): Promise<boolean> {
    const { outcome } = await this.#manager.store.call(
      'mutate',
      id,
      [{ kind: 'set', field: 'probe', value: probe }],
      {
        operationId: randomText(this.#environment, ID_BYTES),
        maxBytes: 1_024,
      },
    )
    return outcome === 'ok'
  }

  /** The latest. */
  async read(id: SessionId): Promise<string | null> {
    const found = await this.#manager.store.find(id)
    const probe = found.status === 'live' ? found.record.data.probe : null
    return typeof probe === 'string' ? probe : null
  }
}
