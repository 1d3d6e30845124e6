import { AccessError } from 'coatcheck'
import type { Request, RequestHandler } from 'express'

/**
 * Whether a page of another site sent this request, as browsers tell. A form from there brings no session cookie, and
 * without one nothing else asks before `login()` does.
 */
export function isFromOtherSite(request: Request): boolean {
  const source = request.get('sec-fetch-site')
  return source === 'cross-site' || source === 'same-site'
}

/** For forms that do something without a session: another site is not to use its visitors for it. */
export const refuseOtherSites: RequestHandler = (request, _response, next) => {
  if (isFromOtherSite(request)) next(new AccessError('ERR_CSRF', 'A page of another site sent the form.'))
  else next()
}
