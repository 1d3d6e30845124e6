// First of all: it puts in place what Next's modules look for when they are loaded.
import 'next/dist/server/node-environment-baseline.js'

import { describe, expect, it } from 'vitest'
import { nextSessions } from '../../src/adapters/next.ts'
import type { CookieJar } from '../../src/testing/cookie-jar.ts'
import { NextRequest } from './harness/next.ts'
import { signedIn } from './harness/next-shop.ts'
import { openShop, type Shop } from './harness/shop.ts'

describe('readSession', () => {
  it('looks the session up once for each request, and again after an action of it', async () => {
    const { sessions, store, request } = await signedIn()
    const { readSession, withSession } = nextSessions(sessions)
    const page = new NextRequest({ jar: request.jar })
    store.clearCalls()
    const read = await page.act(() => Promise.all([readSession(), readSession()]))
    expect([read[0] === read[1], store.calls.length]).toEqual([true, 1])
    await page.act(() => withSession((session) => session.set('theme', 'dark')))
    const after = await page.render(readSession)
    expect([after.get('theme'), after === read[0]]).toEqual(['dark', false])
  })

  it('of two kinds of sessions keeps them apart', async () => {
    const { sessions, request } = await signedIn()
    const admins = (await openShop({ cookie: { name: 'admin' } })).sessions
    const page = new NextRequest({ jar: request.jar })
    const users = await page.render(async () => [
      (await nextSessions(sessions).readSession()).userId,
      (await nextSessions(admins).readSession()).userId,
    ])
    expect(users).toEqual(['ann', null])
  })

  it('never rotates, clears or writes', async () => {
    const { sessions, environment, request } = await signedIn()
    const { readSession } = nextSessions(sessions)
    environment.advance(16 * 60_000)
    const page = new NextRequest({ jar: request.jar })
    const session = await page.act(readSession)
    expect(() => session.set('theme', 'dark')).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
    await sessions.revokeUser('ann')
    const late = new NextRequest({ jar: request.jar })
    expect((await late.act(readSession)).userId).toBe(null)
    expect([page.setCookies, late.setCookies]).toEqual([[], []])
  })

  it.each([
    ['sec-purpose', 'prefetch;prerender'],
    ['purpose', 'prefetch'],
  ])('P8 counts no prefetch as activity, by %s', async (name, value) => {
    const { sessions, environment, request } = await signedIn()
    const { readSession } = nextSessions(sessions)
    const open = (headers: Record<string, string>) =>
      new NextRequest({ jar: request.jar, headers }).render(readSession)
    environment.advance(20 * 60_000)
    expect((await open({ [name]: value })).userId).toBe('ann')
    await sessions.flush()
    environment.advance(20 * 60_000)
    expect((await open({})).userId).toBe(null)
  })

  it('counts a page that is looked at as activity', async () => {
    const { sessions, environment, request } = await signedIn()
    const { readSession } = nextSessions(sessions)
    const open = () => new NextRequest({ jar: request.jar }).render(readSession)
    for (let visits = 0; visits < 3; visits++) {
      environment.advance(20 * 60_000)
      expect((await open()).userId).toBe('ann')
      await sessions.flush()
    }
  })
})

describe('requireUser', () => {
  const guard = (shop: Pick<Shop, 'sessions'>, jar?: CookieJar) => {
    const { requireUser } = nextSessions(shop.sessions)
    return (options: Parameters<typeof requireUser>[0]) =>
      new NextRequest(jar ? { jar } : {}).render(() => requireUser(options))
  }

  it('LIO-10 redirects a visitor to the page to sign in at, and from there back to this origin alone', async () => {
    const check = guard(await openShop())
    const locations = [
      [{ onMissing: '/login', returnTo: '/account?tab=1' }, '/login?return=%2Faccount%3Ftab%3D1'],
      [{ onMissing: '/login' }, '/login'],
      [{ onMissing: '/login', returnTo: '//evil.example' }, '/login'],
      [{ onMissing: '/login', returnTo: 'https://evil.example/' }, '/login'],
    ] as const
    for (const [options, location] of locations) {
      await expect(check(options)).rejects.toMatchObject({
        digest: expect.stringContaining(`;${location};`),
      })
    }
    await expect(check({})).rejects.toMatchObject({ code: 'ERR_UNAUTHENTICATED', status: 401 })
  })

  it('answers the session of a user, and asks for a fresher proof where it is too old', async () => {
    const { request, environment, ...shop } = await signedIn()
    const check = guard(shop, request.jar)
    environment.advance(10 * 60_000)
    expect((await check({ fresh: '1h' })).userId).toBe('ann')
    await expect(check({ fresh: '5m', onMissing: '/login' })).rejects.toMatchObject({
      code: 'ERR_STEP_UP_REQUIRED',
    })
    await expect(check({ fresh: '5m', onStale: '/confirm' })).rejects.toMatchObject({
      digest: expect.stringContaining(';/confirm;'),
    })
  })
})
