import { describe, expect, it } from 'vitest'
import {
  assertMiddlewareOptions,
  assertSessions,
  MIDDLEWARE_OPTIONS,
} from '../../src/http/middleware-options.ts'
import { createSessions } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'

const check = (options: object) => () => assertMiddlewareOptions(options, 'middleware', MIDDLEWARE_OPTIONS)

describe('the options of a middleware', () => {
  it('may all be left out', () => {
    expect(check({})).not.toThrow()
    expect(check({ property: false, mode: undefined })).not.toThrow()
  })

  it('are refused by name where nothing reads them', () => {
    expect(check({ propertty: 'visit' })).toThrow(
      'Option middleware.propertty does not exist; known here: mode, property.',
    )
  })

  it('are refused where they are none of the words that there are', () => {
    expect(check({ mode: 'write' })).toThrow("Option middleware.mode must be one of 'full', 'read', 'peek'.")
  })
})

describe('sessions given as an option', () => {
  it('have to be there', () => {
    const error = expect.objectContaining({ code: 'ERR_OPTION' })
    for (const wrong of [undefined, null, {}, () => {}]) {
      expect(() => assertSessions(wrong, 'plugin.sessions')).toThrow(error)
    }
    expect(() => assertSessions(createSessions({ store: memory() }), 'plugin.sessions')).not.toThrow()
  })
})
