import { requireUser, type UserGuardOptions } from 'coatcheck/express'
import { type RequestHandler, Router } from 'express'
import type { Shop } from './shop.ts'

/**
 * Lets requests pass whose user proved to be there within `fresh`. Others confirm first and then come to `page`: a page
 * that was asked for comes after that by itself, and a form's buttons have to be pressed again.
 */
export function requireProof(
  { sessions }: Shop,
  fresh: NonNullable<UserGuardOptions['fresh']>,
  page: string,
): RequestHandler {
  const confirm = `/confirm?return=${encodeURIComponent(page)}`
  return Router()
    .get('/{*path}', requireUser(sessions, { fresh, onStale: '/confirm' }))
    .post('/{*path}', (request, response, next) => {
      if (sessions.of(request).isFresh(fresh)) next()
      else response.redirect(303, confirm)
    })
}
