// First of all: it puts in place what Next's modules look for when they are loaded.
import 'next/dist/server/node-environment-baseline.js'

import { nextSessions } from '../../../src/adapters/next.ts'
import type { CookieJar } from '../../../src/testing/cookie-jar.ts'
import { NextRequest } from './next.ts'
import { openShop, type Shop } from './shop.ts'

/** A shop, and the request that has signed in to it. */
export async function signedIn(): Promise<Shop & { readonly request: NextRequest }> {
  const shop = await openShop()
  return { ...shop, request: await signedInTo(shop.sessions) }
}

/** The request that has signed in. */
export async function signedInTo(sessions: Shop['sessions']): Promise<NextRequest> {
  const request = new NextRequest()
  await request.act(() => nextSessions(sessions).withSession((session) => session.login('ann')))
  return request
}

/** The theme as a page reads it. */
export async function themeOf(sessions: Shop['sessions'], jar: CookieJar): Promise<string> {
  const { readSession } = nextSessions(sessions)
  const session = await new NextRequest({ jar }).render(readSession)
  return session.get('theme')
}
