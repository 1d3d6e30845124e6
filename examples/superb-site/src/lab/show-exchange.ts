import { STATUS_CODES } from 'node:http'
import { SESSION_COOKIE } from './cookie-jar.ts'
import type { Reply, Sent } from './lab-client.ts'
import type { Masking } from './masking.ts'

/** One request and its response in the lines that matter, tokens under their names. */
export interface ShownExchange {
  readonly sent: readonly string[]
  readonly received: readonly string[]
}

export function showExchange(sent: Sent, reply: Reply, masking: Masking): ShownExchange {
  const cookies = (sent.headers.cookie ?? '').split('; ').filter((pair) => SHOWN_COOKIE.test(pair))
  for (const text of [...cookies, ...reply.setCookies]) nameToken(text, masking)
  const { cookie: _, ...headers } = sent.headers
  const lines = {
    sent: [
      `${sent.method} ${sent.path}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      ...(cookies.length === 0 ? [] : [`cookie: ${cookies.join('; ')}`]),
      ...(sent.form === null ? [] : ['', showForm(sent.form)]),
    ],
    received: [
      `${reply.status} ${STATUS_CODES[reply.status] ?? ''}`,
      ...(reply.location === null ? [] : [`location: ${reply.location}`]),
      ...reply.setCookies.filter((text) => SHOWN_COOKIE.test(text)).map((text) => `set-cookie: ${text}`),
    ],
  }
  return {
    sent: lines.sent.map((line) => masking.mask(line)),
    received: lines.received.map((line) => masking.mask(line)),
  }
}

/** The session's cookie in any spelling; what else the shop sets is not what the lab is about. */
const SHOWN_COOKIE = /^(?:__host-)?sid=/i

function nameToken(cookie: string, masking: Masking): void {
  const value = /^[^=]+=([^;]{40,})/.exec(cookie)?.[1]
  if (value !== undefined && SHOWN_COOKIE.test(cookie)) masking.name(value)
}

function showForm(form: Readonly<Record<string, string>>): string {
  return Object.entries(form)
    .map(([name, value]) => `${name}=${name === 'password' ? '•••' : value}`)
    .join('&')
}

/** A `Cookie` header with several cookies of the session's name. */
export function cookiesNamed(values: readonly string[], name: string = SESSION_COOKIE): string {
  return values.map((value) => `${name}=${value}`).join('; ')
}
