import { sha1Hex } from '../../core/platform.ts'
import { END, END_EVERYONE, END_USER, HEALTH, OVERDUE, REASSERT_USER, SERVER, SWEEP } from './lua/ending.ts'
import { CHANNEL, PLACE, PROOF } from './lua/feed.ts'
import { ACTIVATE, CANCEL, DEPART, EPOCHS, INSERT } from './lua/making.ts'
import { ADOPT, BURY, EPOCH_FOR, SCAN } from './lua/moving.ts'
import { PRELUDE } from './lua/prelude.ts'
import { FIND, LIST, MUTATE, ROTATE, TOUCH, WRITE } from './lua/sessions.ts'

/** A script of ours and the name under which Redis knows it. */
export interface Script {
  readonly text: string
  readonly sha: string
}

const SOURCES = {
  find: FIND,
  mutate: MUTATE,
  write: WRITE,
  rotate: ROTATE,
  touch: TOUCH,
  list: LIST,
  insert: INSERT,
  activate: ACTIVATE,
  cancel: CANCEL,
  depart: DEPART,
  epochs: EPOCHS,
  end: END,
  endUser: END_USER,
  endEveryone: END_EVERYONE,
  overdue: OVERDUE,
  sweep: SWEEP,
  health: HEALTH,
  server: SERVER,
  reassertUser: REASSERT_USER,
  scan: SCAN,
  epochFor: EPOCH_FOR,
  adopt: ADOPT,
  bury: BURY,
  channel: CHANNEL,
  proof: PROOF,
} as const

export type ScriptName = keyof typeof SOURCES

const made = new Map<ScriptName, Script>()

/** The script of this name; hashed when it is first asked for. */
export function scriptOf(name: ScriptName): Script {
  const known = made.get(name)
  if (known) return known
  const script = hashed(PRELUDE + SOURCES[name])
  made.set(name, script)
  return script
}

/** The only script that works on no partition, but on whichever server it is sent to. */
export const PLACE_SCRIPT: Script = hashed(PLACE)

function hashed(text: string): Script {
  return { text, sha: sha1Hex(text) }
}
