import type { Request, Response } from 'express'

/** The prefix keeps neighbouring hosts from planting one (see `Timelines`). */
const NAME = '__Host-timeline'

/** The key that the request names, `undefined` unless exactly one of the right form came. */
export function findTimelineKey(request: Request): string | undefined {
  const found = (request.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${NAME}=`))
  const [only = ''] = found
  return found.length === 1 ? /^[^=]+=([\w-]{22})$/.exec(only)?.[1] : undefined
}

/** Without a date: it goes with the browser. */
export function setTimelineCookie(response: Response, key: string): void {
  response.append('Set-Cookie', `${NAME}=${key}; Path=/; Secure; HttpOnly; SameSite=Lax`)
  response.setHeader('Cache-Control', 'no-store')
}
