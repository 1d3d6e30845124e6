import { ConfigError } from '../../core/errors.ts'
import type { Line } from './driver.ts'
import { isMoving, isUnknownScript } from './failures.ts'
import type { FeedChannels } from './feed-channels.ts'
import { ALL_SLOTS, parseSlots, type Slots } from './feed-slots.ts'
import { PLACE_SCRIPT, type Script, scriptOf } from './scripts.ts'

/** What a server has said of itself and of the connection that it was asked on. */
export interface Statement {
  /** Names the history of its data: another one once another server has been the primary. */
  readonly history: string
  readonly slots: Slots
  /** Sharded channels that the server counts on the connection; `null` where it is too old to say (before 7.0.3). */
  readonly subscriptions: number | null
  /** The number of the partition's last change; `moved` where its slot is elsewhere, or on the way. */
  readonly number: number | 'moved'
}

interface Asking {
  readonly channels: FeedChannels
  readonly scriptHead: readonly string[]
}

/** Asks the server of a line, by a write to this partition where there is one. Throws where it takes no writes. */
export async function ask(line: Line, asking: Asking, partition: number | null): Promise<Statement> {
  try {
    return await askBy('EVALSHA', line, asking, partition)
  } catch (error) {
    if (!isUnknownScript(error)) throw error
    return askBy('EVAL', line, asking, partition)
  }
}

/** What is asked goes out at once, and is answered in this order: slots that are still here were so when the write was made. */
async function askBy(
  command: 'EVAL' | 'EVALSHA',
  line: Line,
  { channels, scriptHead }: Asking,
  partition: number | null,
): Promise<Statement> {
  const run = (script: Script, keys: readonly string[]) => {
    const body = command === 'EVAL' ? script.text : script.sha
    return line.send([command, body, String(keys.length), ...keys, ...scriptHead])
  }
  const proof =
    partition === null ? 'moved' : run(scriptOf('proof'), channels.keysOf(partition)).catch(whereMoved)
  const place = run(PLACE_SCRIPT, [])
  const [number, where, client] = await Promise.all([proof, place, line.send(['CLIENT', 'INFO'])])
  const [history, slots] = JSON.parse(String(where)) as readonly [string, string | null]
  const [, protocol] = / resp=(\d)/.exec(String(client)) ?? []
  if (protocol === '2') throw new ConfigError('ERR_STORE_SETTING', RESP2)
  const [, subscriptions] = / ssub=(\d+)/.exec(String(client)) ?? []
  return {
    history,
    slots: slots === null ? ALL_SLOTS : parseSlots(slots),
    subscriptions: subscriptions === undefined ? null : Number(subscriptions),
    number: number === 'moved' ? number : numberIn(number),
  }
}

const RESP2 =
  'The feed of changes needs RESP3, which ioredis speaks from version 6 on and redis from version 5: update the package, or turn the cache off.'

function whereMoved(error: unknown): 'moved' {
  if (isMoving(error)) return 'moved'
  throw error
}

function numberIn(answer: unknown): number {
  const [, , number] = JSON.parse(String(answer)) as readonly unknown[]
  if (typeof number !== 'number') throw new Error('Redis has answered something else than a number.')
  return number
}
