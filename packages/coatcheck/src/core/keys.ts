/** Where a master key stands in its life: `next` only verifies yet, `current` issues, `retired` only verifies still. */
export type KeyState = 'next' | 'current' | 'retired'

/** One 256-bit master key. The slot (0 to 15) is part of each token that it issued. */
export interface MasterKey {
  readonly slot: number
  readonly state: KeyState
  readonly master: Uint8Array
}

/** Where master keys come from; `load` is called once when the sessions are opened. */
export interface KeySource {
  /** For messages: `key file ./data/sessions.db.keys`, `COATCHECK_KEYS`. Never key material. */
  readonly description: string
  load(): Promise<readonly MasterKey[]> | readonly MasterKey[]
}
