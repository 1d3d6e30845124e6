import type { Response } from 'express'

/**
 * Calls `act` once, just before the headers of the response leave, when nothing but `act` can change them any more.
 * Installed before the session middleware, it acts after it: what wraps a response last comes first.
 */
export function beforeHeadersLeave(response: Response, act: () => void): void {
  const writeHead = response.writeHead
  let acted = false
  const wrapped = (...args: unknown[]) => {
    if (!acted) {
      acted = true
      act()
    }
    return Reflect.apply(writeHead, response, args)
  }
  response.writeHead = wrapped as typeof writeHead
}

/** The `Set-Cookie` headers that a response has so far. */
export function setCookiesOf(response: Response): readonly string[] {
  const value = response.getHeader('set-cookie')
  return value === undefined ? [] : [value].flat().map(String)
}
