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
  /** For how long keys are kept. */
  readonly keep: string
}

export interface Question {
  /** The partition that is written to, where there is one. */
  readonly partition: number | null
  /** By which its answer is known: no other one on this connection had it. */
  readonly mark: string
}

/** Asks the server of a line. Throws where it takes no writes, or where the driver hands out answers to something else. */
export async function ask(line: Line, asking: Asking, question: Question): Promise<Statement> {
  try {
    return await askBy('EVALSHA', line, asking, question)
  } catch (error) {
    if (!isUnknownScript(error)) throw error
    return askBy('EVAL', line, asking, question)
  }
}

/** What is asked goes out at once, and is answered in this order: slots that are still here were so when the write was made. */
async function askBy(
  command: 'EVAL' | 'EVALSHA',
  line: Line,
  { channels, keep }: Asking,
  { partition, mark }: Question,
): Promise<Statement> {
  const run = (script: Script, keys: readonly string[], args: readonly string[]) => {
    const body = command === 'EVAL' ? script.text : script.sha
    return line.send([command, body, String(keys.length), ...keys, ...args])
  }
  const proof =
    partition === null
      ? 'moved'
      : run(scriptOf('proof'), channels.keysOf(partition), [`#${mark}`, keep]).catch(whereMoved)
  const info = line.send(['CLIENT', 'INFO'])
  const [number, client, place] = await Promise.all([proof, info, run(PLACE_SCRIPT, [], [mark])])
  const [history, slots] = marked(place, mark) as readonly [string, string | null]
  const [, protocol] = / resp=(\d)/.exec(String(client)) ?? []
  if (protocol === '2') throw new ConfigError('ERR_STORE_SETTING', RESP2)
  const [, subscriptions] = / ssub=(\d+)/.exec(String(client)) ?? []
  return {
    history,
    slots: slots === null ? ALL_SLOTS : parseSlots(slots),
    subscriptions: subscriptions === undefined ? null : Number(subscriptions),
    number: number === 'moved' ? number : (marked(number, mark)[2] as number),
  }
}

const RESP2 =
  'The feed of changes needs RESP3, which ioredis speaks from version 6 on and redis from version 5: update the package, or set nearCache: false.'

function whereMoved(error: unknown): 'moved' {
  if (isMoving(error)) return 'moved'
  throw error
}

function marked(answer: unknown, mark: string): readonly unknown[] {
  const list = JSON.parse(String(answer)) as readonly unknown[]
  if (list.at(-1) !== mark) throw new Error('Redis answered a question with what belongs to another one.')
  return list
}
