import { describe, expect, it } from 'vitest'
import * as express from '../../src/adapters/express.ts'
import * as hono from '../../src/adapters/hono.ts'
import * as koa from '../../src/adapters/koa.ts'
import type { Sessions } from '../../src/index.ts'
import { openShop } from './harness/shop.ts'

type Create = (sessions: Sessions<unknown>, options: object) => unknown

const ADAPTERS: readonly (readonly [string, Create])[] = [
  ['Express', express.sessionMiddleware],
  ['Koa', koa.sessionMiddleware],
  ['Hono', hono.sessionMiddleware],
]

describe.each(ADAPTERS)('sessionMiddleware of %s', (_name, create) => {
  it.each([{ propertyName: 'login' }, { mode: 'write' }])(
    'ERR_OPTION refuses %j at construction',
    async (options) => {
      const { sessions } = await openShop()
      const message = expect.stringContaining('sessionMiddleware.')
      expect(() => create(sessions as Sessions<unknown>, options)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION', message }),
      )
    },
  )
})
