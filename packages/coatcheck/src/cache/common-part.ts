import { deepFreeze } from '../core/data-schema.ts'
import type { Json } from '../core/json.ts'
import type { SessionRecord } from '../core/record.ts'

/** What many records have alike, and how their use is recorded. Frozen through and through: records share it. */
export interface CommonPart
  extends Pick<
    SessionRecord,
    'idleTimeout' | 'lifetime' | 'transport' | 'authentication' | 'device' | 'schemaVersion'
  > {
  readonly touchInterval: number
  /** From creation to the absolute deadline. */
  readonly life: number
  /** What the epochs of many begin with. */
  readonly era: string
}

/** Different ones that are found again: as many as there are kinds of browsers, ways to sign in and lifetimes. */
const MOST = 4_096

/** One object for all entries that have the same in common: a pointer takes the room of one of its numbers. */
export class CommonParts {
  readonly #known = new Map<string, CommonPart>()

  of(record: SessionRecord, touchInterval: number): CommonPart {
    const { idleTimeout, lifetime, transport, authentication, device, schemaVersion } = record
    const era = eraOf(record.epoch)
    const part = {
      idleTimeout,
      lifetime,
      transport,
      authentication,
      device,
      schemaVersion,
      touchInterval,
      life: record.expiresAt - record.createdAt,
      era,
    }
    const text = JSON.stringify(part)
    const known = this.#known.get(text)
    if (known) return known
    // Those in use stay with their entries; only new ones no longer find them.
    if (this.#known.size >= MOST) this.#known.clear()
    const own = deepFreeze(JSON.parse(text) as Json) as unknown as CommonPart
    this.#known.set(text, own)
    return own
  }
}

/** An epoch up to its first dot, behind which stores put what is the user's own; all of it where there is none. */
export function eraOf(epoch: string): string {
  const dot = epoch.indexOf('.')
  return dot === -1 ? epoch : epoch.slice(0, dot + 1)
}
