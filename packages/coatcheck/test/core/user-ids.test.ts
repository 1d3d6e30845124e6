import { describe, expect, it } from 'vitest'
import { assertUserId, innerUsersOf } from '../../src/core/user-ids.ts'
import { createNode, loginRequest } from '../helpers/nodes.ts'

const REFRESH = innerUsersOf('refresh')
const refused = expect.objectContaining({ code: 'ERR_USAGE' })

describe('a user id', () => {
  it('is any text of 1 to 256 characters that does not begin as those of inner sessions do', () => {
    for (const userId of ['a', 'x'.repeat(256), 'acme:42', ' ', 'a\u0001', '\u0000']) {
      expect(() => assertUserId(userId, null)).not.toThrow()
    }
    for (const userId of [
      '',
      'x'.repeat(257),
      '\u0001',
      '\u0001ada',
      `${REFRESH}ada`,
      7,
      null,
      undefined,
      {},
    ]) {
      expect(() => assertUserId(userId, null)).toThrow(refused)
    }
  })

  it('of an inner session begins as its kind does, and has an id of the application behind that', () => {
    for (const userId of [`${REFRESH}a`, `${REFRESH}${'x'.repeat(256)}`]) {
      expect(() => assertUserId(userId, REFRESH)).not.toThrow()
    }
    for (const userId of ['ada', REFRESH, `${REFRESH}${'x'.repeat(257)}`, `${innerUsersOf('other')}ada`]) {
      expect(() => assertUserId(userId, REFRESH)).toThrow(refused)
    }
  })

  it('that is reserved is refused wherever an application gives one', async () => {
    const { manager, store } = createNode()
    const userId = `${REFRESH}ada`
    expect(() => manager.login(null, loginRequest(userId))).toThrow(refused)
    expect(() => manager.beginLogin(userId)).toThrow(refused)
    expect(() => manager.list(userId)).toThrow(refused)
    expect(() => manager.revokeUser(userId)).toThrow(refused)
    expect(store.calls).toEqual([])
  })
})
