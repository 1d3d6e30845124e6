import { createSessions } from 'coatcheck'
import { requireApiKey, requireUser, sessionErrors, sessionMiddleware } from 'coatcheck/express'
import { sqlite } from 'coatcheck/sqlite'
import { createApiKeys } from 'coatcheck/tokens'
import express, { type Express, type Request } from 'express'

/** A shop whose users make keys for their own programs. */
export function createShop(directory: string) {
  const sessions = createSessions<object>({ store: sqlite(`${directory}/sessions.db`) })
  const apiKeys = createApiKeys({
    // A store of their own: whoever ends all sessions ends no key.
    store: sqlite(`${directory}/api-keys.db`),
    prefix: 'shop',
    rateLimit: { count: 100, per: '1m' },
  })
  const app: Express = express()

  // For programs: a key, and never a session.
  app.get('/api/orders', requireApiKey(apiKeys, { scopes: ['orders:read'] }), (request, response) => {
    const { owner, name } = apiKeys.of(request)
    response.json({ orders: `of ${owner}`, askedBy: name })
  })

  // For people: a session, and never a key.
  app.use(sessionMiddleware(sessions))
  app.post('/login', async (request, response) => {
    await sessions.of(request).login('ada')
    response.redirect(303, '/keys')
  })
  app.use('/keys', requireUser(sessions, { fresh: '1h' }))
  const owner = (request: Request) => sessions.of(request).userId ?? ''

  app.get('/keys', async (request, response) => {
    const { keys } = await apiKeys.list(owner(request))
    response.json(keys.map(({ id, hint, name, lastUsedAt }) => ({ id, hint, name, lastUsedAt })))
  })
  app.post('/keys', async (request, response) => {
    const { text } = await apiKeys.create({
      owner: owner(request),
      name: 'reports',
      scopes: ['orders:read'],
      expiresIn: '365d',
    })
    // The only time that anybody sees it.
    response.set('cache-control', 'no-store').send(text)
  })
  app.post('/keys/:id/rotate', async (request, response) => {
    const key = await apiKeys.find(request.params.id)
    const rotated = key?.owner === owner(request) ? await apiKeys.rotate(key.id, { overlap: '7d' }) : null
    response
      .status(rotated ? 200 : 404)
      .set('cache-control', 'no-store')
      .send(rotated?.text)
  })
  app.delete('/keys/:id', async (request, response) => {
    const ended = await apiKeys.revoke(request.params.id, { ofOwner: owner(request) })
    response.sendStatus(ended ? 204 : 404)
  })
  app.use(sessionErrors(sessions))
  return { app, sessions, apiKeys }
}
