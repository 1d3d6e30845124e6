import { describe, expect, it } from 'vitest'
import { Events, type SessionEvent } from '../../src/core/events.ts'
import type { SessionId } from '../../src/core/record.ts'
import { createNode, FIREFOX, login, verdictOf } from '../helpers/nodes.ts'

const ABOUT = { at: 1, sessionId: 'AAAAAAAAAAAAAAAAAAAAAA' as SessionId, userId: 'ada', context: FIREFOX }

describe('Events', () => {
  it('call the listeners of a name, then those of all names, in the order in which they came', () => {
    const { events, log } = create()
    events.on('*', ({ name }) => log.push(`any ${name}`))
    events.on('created', () => log.push('first'))
    events.on('created', () => log.push('second'))
    events.on('ended', () => log.push('never'))
    events.emit('created', ABOUT)
    expect(log).toEqual(['first', 'second', 'any created'])
  })

  it('AUD-03 say who, what, where and when, as a frozen record of their own', () => {
    const { events } = create()
    const seen: SessionEvent[] = []
    events.on('*', (event) => seen.push(event))
    events.emit('ended', { ...ABOUT, reason: 'idle' })
    expect(seen).toEqual([{ name: 'ended', ...ABOUT, reason: 'idle' }])
    expect(Object.isFrozen(seen[0])).toBe(true)
  })

  it('stop when they are unsubscribed, one subscription at a time', () => {
    const { events, log } = create()
    const listener = () => log.push('heard')
    const off = events.on('created', listener)
    events.on('created', listener)
    off()
    off()
    events.emit('created', ABOUT)
    expect(log).toEqual(['heard'])
  })

  it('may be subscribed to and unsubscribed from while they are delivered', () => {
    const { events, log } = create()
    const off = events.on('created', () => {
      off()
      events.on('created', () => log.push('new'))
      log.push('old')
    })
    events.emit('created', ABOUT)
    expect(log).toEqual(['old'])
    events.emit('created', ABOUT)
    expect(log).toEqual(['old', 'new'])
  })

  it('AUD-04 report a listener that throws or rejects, and go on', async () => {
    const { events, log, reported } = create()
    events.on('created', () => {
      throw new Error('thrown')
    })
    events.on('created', () => Promise.reject(new Error('rejected')))
    events.on('created', () => thenable())
    events.on('created', () => log.push('heard'))
    expect(() => events.emit('created', ABOUT)).not.toThrow()
    await new Promise(setImmediate)
    expect(log).toEqual(['heard'])
    expect(reported.map((error) => (error as Error).message)).toEqual(['thrown', 'rejected', 'thenable'])
  })

  it('without listeners cost nothing and change nothing', () => {
    const { events, reported } = create()
    events.emit('created', ABOUT)
    expect(reported).toEqual([])
  })
})

describe('AUD-04 a failing sink', () => {
  const attacks: Record<string, () => unknown> = {
    'that throws': () => {
      throw new Error('sink')
    },
    'that rejects': () => Promise.reject(new Error('sink')),
    'that never ends': () => new Promise(() => {}),
  }

  it.each(Object.entries(attacks))(
    '%s turns no refusal into an acceptance, and no acceptance into a refusal',
    async (_, sink) => {
      const node = createNode()
      node.manager.events.on('*', sink)
      const { token, session } = await login(node, 'ada')
      expect(await verdictOf(node, token)).toBe('ok')
      expect(await verdictOf(node, token, { transport: 'bearer' })).toBe('transport')
      await node.manager.logout(session)
      expect(await verdictOf(node, token)).toBe('ended')
      expect(await verdictOf(node, 'garbage')).toBe('malformed')
      expect(node.events.names).toEqual([
        'logged-in',
        'token-refused',
        'ended',
        'token-refused',
        'token-refused',
      ])
    },
  )

  it('together with an onError that throws does no harm either', async () => {
    const node = createNode({
      onError: () => {
        throw new Error('log is full')
      },
    })
    const warned: unknown[] = []
    const listener = (warning: unknown) => warned.push(warning)
    process.on('warning', listener)
    node.manager.events.on('*', () => {
      throw new Error('sink')
    })
    const { token } = await login(node, 'ada')
    expect(await verdictOf(node, token)).toBe('ok')
    await new Promise(setImmediate)
    process.off('warning', listener)
    expect(warned).toMatchObject([{ message: 'log is full' }])
  })
})

function create() {
  const reported: unknown[] = []
  const log: unknown[] = []
  return { events: new Events((error) => reported.push(error)), reported, log }
}

/** What a promise of another realm or library looks like. */
function thenable() {
  const rejection = Promise.reject(new Error('thenable'))
  rejection.catch(() => {})
  // biome-ignore lint/suspicious/noThenProperty: it stands for a promise that is no instance of Promise
  return { then: rejection.then.bind(rejection) }
}
