import { describe, expect, it } from 'vitest'
import { sessionDetails } from '../../src/index.ts'
import { createTestSessions } from '../../src/testing/index.ts'
import { Browser } from '../helpers/browser.ts'

describe('the details of a session', () => {
  it('P6 are all that may be seen of it and its data, with what this request wrote, and no secret', async () => {
    const { sessions } = createTestSessions<{ theme: string; visits: number }>({})
    const browser = new Browser(sessions)
    await browser.post((session) => session.login('ada', { data: { theme: 'dark' } }))
    const { value } = await browser.get((session) => {
      session.add('visits', 1)
      return sessionDetails(session)
    })
    expect(value).toMatchObject({
      info: { userId: 'ada', transport: 'cookie' },
      data: { theme: 'dark', visits: 1 },
      version: expect.any(Number),
    })
    expect(value?.remaining.absolute).toBeGreaterThan(value?.remaining.idle ?? Number.POSITIVE_INFINITY)
    expect(JSON.stringify(value)).not.toMatch(/secret|rotation|epoch/)
  })

  it('leave out what is kept between the fields of the application', async () => {
    const { sessions } = createTestSessions<Record<string, number>>({})
    const { value } = await new Browser(sessions).get((session) => {
      session.set('\u0001linked', 1)
      session.set('seen', 1)
      return session.commit().then(() => sessionDetails(session))
    })
    expect(value?.data).toEqual({ seen: 1 })
  })

  it('are none while nothing is stored, and none of what is no session of a request', async () => {
    const { sessions } = createTestSessions({})
    const { value } = await new Browser(sessions).get((session) => sessionDetails(session))
    expect(value).toBeNull()
    expect(() => sessionDetails({} as never)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
  })
})
