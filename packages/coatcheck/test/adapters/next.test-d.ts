import { nextSessions } from '../../src/adapters/next.ts'
import { createSessions, type Session } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'

interface Data {
  visits: number
}

const sessions = createSessions<Data>({ store: memory() })

// Members may be taken off.
const { readSession, withSession, requireUser } = nextSessions(sessions, { trustProxy: 1 })

// Each of the three knows the fields of these very sessions.
export async function page(): Promise<number> {
  const session: Session<Data> = await readSession()
  // @ts-expect-error the sessions have no such field
  session.get('visit')
  const user = await requireUser({ onMissing: '/login', returnTo: '/account', fresh: '1h' })
  return session.get('visits') + user.get('visits')
}

// An action answers what it likes, a route handler a response.
export async function act(form: FormData): Promise<string | null> {
  await withSession((session) => session.add('visits', 1))
  return withSession(async (session) => session.userId ?? String(form.get('name')))
}
export function GET(request: Request): Promise<Response> {
  return withSession(request, (session) => Response.json(session.get('visits')))
}
// @ts-expect-error a route handler has to answer with a response
void withSession(new Request('http://localhost'), () => 'text')

// @ts-expect-error proxies are counted
nextSessions(sessions, { trustProxy: true })
