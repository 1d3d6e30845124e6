import { contentSecurityPolicy, securityHeaders } from 'coatcheck'
import type { RequestHandler } from 'express'

/** For every response. `accounts`: the server where a log-out goes on; browsers hold `form-action` against where a form's answer leads. */
export function pageHeaders(accounts: string | null): RequestHandler {
  const targets = ["'self'", ...(accounts === null ? [] : [accounts])]
  const headers = securityHeaders({
    // HSTS would bind every program on this machine's localhost to HTTPS.
    hsts: false,
    // Without any, browsers that know no Sec-Fetch-Site would send 'Origin: null' with our own forms.
    referrerPolicy: 'same-origin',
    contentSecurityPolicy: contentSecurityPolicy({ directives: { 'form-action': targets } }),
  })
  return (_request, response, next) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    next()
  }
}
