import { hrtime } from 'node:process'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createSessions, keyRing, type Sessions } from 'coatcheck'
import { logIn, userOfTen } from '../fill.ts'
import { present } from '../fill-cache.ts'
import { FIELDS, type Fields } from '../fixture.ts'
import { connectTo } from '../modes/network.ts'
import { answerQuestions } from './child.ts'
import type { EngineName } from './engine.ts'

/** A node with a near cache, one of several over one server. Instants are milliseconds of the clock that all processes share. */
export interface NodeCommands {
  open(engine: EngineName, where: { readonly url: string; readonly key: string }): Promise<void>
  logIn(): Promise<{ readonly id: string; readonly token: string }>
  /** From now on presents the token again and again. Throws unless the near cache answers. */
  watch(token: string): Promise<void>
  /** When the watched token was first refused. */
  refusal(): Promise<number>
  /** Answers when the end was confirmed. */
  revoke(id: string): Promise<number>
  /** Milliseconds of the server's shortest answer. */
  ping(): Promise<number>
}

let sessions: Sessions<Fields> | null = null
let ping: (() => Promise<unknown>) | null = null
let close: (() => Promise<void>) | null = null
let watched: Promise<number> | null = null
let logins = 0

function opened(): Sessions<Fields> {
  if (sessions) return sessions
  throw new Error('The node has not been opened.')
}

answerQuestions<NodeCommands>(
  {
    async open(engine, { url, key }) {
      const connected = await connectTo(engine, url)
      sessions = createSessions<Fields>({
        store: connected.open('lag'),
        nearCache: true,
        keys: keyRing([{ key }]),
        maxSessions: false,
        sweepInterval: false,
      })
      ping = connected.ping
      close = connected.close
      await sessions.open()
    },
    async logIn() {
      const token = await logIn(opened(), { userId: userOfTen(10 * logins++), data: FIELDS })
      return { id: idIn(token), token }
    },
    async watch(token) {
      for (let tries = 0; !(await answersFromCache(token)); tries++) {
        if (tries > 1_000) throw new Error('The near cache never answered.')
        await nextTurn()
      }
      watched = untilRefused(token)
    },
    async refusal() {
      if (watched === null) throw new Error('Nothing is watched.')
      return watched
    },
    async revoke(id) {
      if (!(await opened().revoke(id))) throw new Error('There was nothing to revoke.')
      return now()
    },
    async ping() {
      const start = now()
      await ping?.()
      return now() - start
    },
  },
  async () => {
    await sessions?.close()
    await close?.()
  },
)

async function answersFromCache(token: string): Promise<boolean> {
  const before = hits()
  if (!(await present(opened(), token))) throw new Error('The session is not known.')
  return hits() > before
}

function hits(): number {
  return (
    opened()
      .metrics()
      .find(({ name }) => name === 'coatcheck.cache.hits')?.samples[0]?.value ?? 0
  )
}

async function untilRefused(token: string): Promise<number> {
  while (await present(opened(), token)) await nextTurn()
  return now()
}

/** The same clock in every process of this machine. */
function now(): number {
  return Number(hrtime.bigint()) / 1e6
}

/** A token has its session's id behind its first byte. */
function idIn(token: string): string {
  return Buffer.from(token, 'base64url').subarray(1, 17).toString('base64url')
}
