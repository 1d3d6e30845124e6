import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { adminApi } from '../admin/admin-api.ts'
import { openAuthority } from '../authority.ts'
import type { Settings } from '../config/settings.ts'
import { adminSocketPath, isAnswering } from '../http/admin-socket.ts'
import { StartError } from '../start-error.ts'

/** What the admin API answered. */
export interface AdminAnswer {
  readonly status: number
  /** Parsed JSON; `null` where there was none. */
  readonly body: unknown
}

/** The admin API, of the server that runs, or of this process itself. */
export interface AdminClient {
  call(method: string, path: string, body?: unknown): Promise<AdminAnswer>
  close(): Promise<void>
}

/** What the admin API refused, in its own words. */
export class AdminError extends Error {
  override readonly name = 'AdminError'
  readonly status: number

  constructor(status: number, detail: string) {
    super(detail)
    this.status = status
  }
}

/** Reaches the server over its socket; where none runs on this data directory, does the same on the stores themselves. */
export async function connectAdmin(settings: Settings): Promise<AdminClient> {
  const path = adminSocketPath(settings.dataDirectory)
  if (existsSync(path) && (await isAnswering(path))) return overSocket(path)
  const { dataDirectory, database } = settings
  if (database === 'sqlite' && !existsSync(join(dataDirectory, 'server.db'))) {
    throw new StartError(
      `There is no data in ${dataDirectory}: start the server first, or name another --data-directory.`,
    )
  }
  return onTheStores(settings)
}

function overSocket(socketPath: string): AdminClient {
  return {
    async call(method, path, body) {
      const { promise, resolve, reject } = Promise.withResolvers<AdminAnswer>()
      const headers = body === undefined ? {} : { 'content-type': 'application/json' }
      const asked = request(
        { socketPath, method, path: `/api${path}`, headers, agent: false },
        (response) => {
          text(response).then(
            (answer) => resolve({ status: response.statusCode ?? 0, body: parsed(answer) }),
            reject,
          )
        },
      )
      asked.on('error', reject)
      asked.end(body === undefined ? undefined : JSON.stringify(body))
      return checked(await promise)
    },
    close: () => Promise.resolve(),
  }
}

/** The very same handlers, called without a network. */
async function onTheStores(settings: Settings): Promise<AdminClient> {
  const quiet = { ...settings, logLevel: 'silent' } as const
  const authority = await openAuthority(quiet, { logTo: { write: () => {} } })
  const app = adminApi(authority, { local: true })
  return {
    async call(method, path, body) {
      const answer = await app.request(path, {
        method,
        ...(body !== undefined && {
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
      })
      return checked({ status: answer.status, body: parsed(await answer.text()) })
    },
    close: () => authority.close(),
  }
}

function parsed(answer: string): unknown {
  return answer === '' ? null : JSON.parse(answer)
}

function checked(answer: AdminAnswer): AdminAnswer {
  if (answer.status < 400) return answer
  const { detail, title } = (answer.body ?? {}) as { readonly detail?: string; readonly title?: string }
  throw new AdminError(answer.status, detail ?? title ?? `The server answered ${answer.status}.`)
}
