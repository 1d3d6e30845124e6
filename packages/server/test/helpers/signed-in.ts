import { type JsonFields, openSession } from 'coatcheck'
import type { Authority } from '../../src/authority.ts'

export interface SignIn {
  readonly userId?: string
  readonly claims?: JsonFields
  readonly level?: string
}

/** Signs a user in as a page of the public host does, and answers with the `Cookie` header of their browser. */
export async function signIn(
  { sessions }: Pick<Authority, 'sessions'>,
  { userId = 'ada', claims, level }: SignIn = {},
): Promise<string> {
  const setCookies: string[] = []
  const exchange = {
    method: 'POST',
    url: '/login',
    connection: {
      encrypted: true,
      host: 'localhost',
      remoteAddress: '127.0.0.1',
      address: '127.0.0.1',
      proxy: 'none' as const,
    },
    header: (name: string) => (name === 'sec-fetch-site' ? 'same-origin' : undefined),
    headerValues: () => [],
    response: {
      sent: false,
      get: () => undefined,
      set: () => {},
      setCookies: () => setCookies,
      appendSetCookie: (value: string) => void setCookies.push(value),
      replaceSetCookies: (values: readonly string[]) => void setCookies.splice(0, Infinity, ...values),
    },
  }
  const opened = await openSession(sessions, exchange)
  await opened?.session.login(userId, {
    methods: ['pwd'],
    ...(level && { level }),
    ...(claims && { data: { claims } }),
  })
  await opened?.finish()
  return setCookies[0]?.split(';')[0] ?? ''
}
