import type { Environment } from 'coatcheck'
import type { Authority } from '../authority.ts'

/** Longest that a part may take to say that it is there, in milliseconds. */
const PATIENCE = 2_000

export type Checks = Readonly<Record<string, 'ok' | 'failed'>>

/** Whether requests should come here now: every part answers, and the server is not about to stop. */
export interface Readiness {
  readonly ready: boolean
  readonly checks: Checks
}

type Parts = Pick<
  Authority,
  'adminSessions' | 'apiKeys' | 'database' | 'environment' | 'sessions' | 'stopping'
>

/** Asks all parts at once. Many that ask at the same time share one round of questions. */
export function createReadiness(authority: Parts): () => Promise<Readiness> {
  let asking: Promise<Readiness> | null = null
  return () => {
    asking ??= ask(authority).finally(() => {
      asking = null
    })
    return asking
  }
}

async function ask({
  adminSessions,
  apiKeys,
  database,
  environment,
  sessions,
  stopping,
}: Parts): Promise<Readiness> {
  const health = async (part: Parts['sessions'] | Parts['apiKeys'] | Parts['adminSessions']) => {
    const answer = await part.health()
    if (!answer.ok) throw answer.error
  }
  const parts = {
    sessions: health(sessions),
    adminSessions: health(adminSessions),
    apiKeys: health(apiKeys),
    database: database.ping(),
  }
  const checks = await Promise.all(
    Object.entries(parts).map(async ([name, answer]) => [name, await verdict(answer, environment)] as const),
  )
  const ready = !stopping.aborted && checks.every(([, answer]) => answer === 'ok')
  return { ready, checks: { ...Object.fromEntries(checks), listeners: stopping.aborted ? 'failed' : 'ok' } }
}

/** What failed is in the log and events of the part itself. */
function verdict(answer: Promise<unknown>, environment: Environment): Promise<'ok' | 'failed'> {
  return new Promise((resolve) => {
    const cancel = environment.setTimer(PATIENCE, () => resolve('failed'))
    const settle = (how: 'ok' | 'failed') => {
      cancel()
      resolve(how)
    }
    answer.then(
      () => settle('ok'),
      () => settle('failed'),
    )
  })
}
