import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { withSession } from '../../src/adapters/node.ts'
import { createSessions, type Session } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { serve } from './harness/serve.ts'

interface Data {
  colour: string
}

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

describe('requests of several users on one connection', () => {
  it('P5 pipelined ones are answered each with its own session, from the near cache too', async () => {
    const { cookies, send } = await opened((session, _request, response) => {
      response.end(`<${session.userId} ${session.get('colour')}>`)
    })
    const users = ['ann', 'bob', null, 'bob', 'ann', 'ann', null]
    const requests = users.map((user) => get(user === null ? null : (cookies[user] ?? null)))
    const expected = users.map((user) => (user === null ? '<null undefined>' : `<${user} of ${user}>`))
    for (let round = 0; round < 5; round++) {
      expect((await send(requests.join(''), users.length)).match(/<.*?>/g)).toEqual(expected)
    }
  })

  it('writes of one whose handler takes its time go to no other session', async () => {
    const { cookies, send, sessions } = await opened(async (session, request, response) => {
      const { userId } = session
      for (let turn = 0; turn < (userId === 'ann' ? 5 : 1); turn++) await nextTurn()
      if (request.url === '/paint') session.set('colour', `painted by ${userId}`)
      await nextTurn()
      response.end(`<${session.userId} ${session.get('colour')}>`)
    })
    const [ann, bob] = [cookies.ann ?? '', cookies.bob ?? '']
    const pipelined = [get(ann, '/paint'), get(bob), get(ann), get(bob, '/paint'), get(bob)]
    const text = await send(pipelined.join(''), pipelined.length)
    expect(text.match(/<.*?>/g)?.slice(0, 2)).toEqual(['<ann painted by ann>', '<bob of bob>'])
    const after = await send(get(bob) + get(ann), 2)
    expect(after.match(/<.*?>/g)).toEqual(['<bob painted by bob>', '<ann painted by ann>'])
    expect((await sessions.list('ann')).sessions).toHaveLength(1)
  })

  it('HDR-04 is personal in every response: HEAD, 304, of writeHead, with early hints, flushed before', async () => {
    const { cookies, send } = await opened((session, request, response) => {
      const { userId } = session
      switch (request.url) {
        case '/304':
          response.writeHead(304).end()
          return
        case '/flushed':
          response.flushHeaders()
          response.end(userId)
          return
        case '/hints':
          response.writeEarlyHints({ link: '</a.css>; rel=preload' })
          response.end(userId)
          return
        case '/head':
          response.writeHead(200, { vary: 'Accept' })
          expect(() => response.writeHead(200)).toThrow()
          response.end(userId)
          return
        default:
          response.end(userId)
      }
    })
    const ann = cookies.ann ?? ''
    const paths = ['/304', '/flushed', '/hints', '/head', '/']
    const text = await send(paths.map((path) => get(ann, path)).join('') + get(ann, '/', 'HEAD'), 6)
    expect(text.match(/^vary: .*$/gim)).toEqual([
      ...Array(3).fill('vary: Cookie'),
      'vary: Accept, Cookie',
      ...Array(2).fill('vary: Cookie'),
    ])
    expect(text.match(/^cache-control: private$/gim)).toHaveLength(6)
  })
})

it('responses that others have wrapped call what wraps each of them, and no other', async () => {
  const { send } = await opened((_session, _request, response) => response.end('body'), {
    wrap: (response, number) => {
      if (number % 2 === 1) return
      const { end } = response
      response.end = function wrapped(this: typeof response, ...args: never[]) {
        this.setHeader('x-wrapped', number)
        return Reflect.apply(end, this, args)
      } as typeof end
    },
  })
  const text = await send(get(null).repeat(6), 6)
  expect(text.match(/^x-wrapped: .*$/gim)).toEqual(['x-wrapped: 0', 'x-wrapped: 2', 'x-wrapped: 4'])
})

type Listener = Parameters<typeof serve>[0]
type Response = Parameters<Listener>[1]

/** A server with `ann` and `bob` signed in, whose cookies it answers. */
async function opened(
  handler: (session: Session<Data>, request: Parameters<Listener>[0], response: Response) => unknown,
  { wrap }: { wrap?: (response: Response, number: number) => void } = {},
) {
  const sessions = createSessions<Data>({ store: memory(), rotateEvery: false })
  let number = 0
  const { origin, close } = await serve((request, response) => {
    if (!request.url?.startsWith('/login/')) wrap?.(response, number++)
    return withSession(sessions, request, response, async (session) => {
      const user = /^\/login\/(\w+)/.exec(request.url ?? '')?.[1]
      if (user === undefined) return handler(session, request, response)
      await session.login(user, { data: { colour: `of ${user}` } })
      response.end()
    })
  })
  cleanups.push(() => sessions.close(), close)
  const cookies: Record<string, string> = {}
  for (const user of ['ann', 'bob']) {
    const answer = await fetch(`${origin}/login/${user}`)
    cookies[user] = answer.headers.get('set-cookie')?.split(';')[0] ?? ''
  }
  return { sessions, cookies, send: (text: string, answers: number) => sendOver(origin, text, answers) }
}

function get(cookie: string | null, path = '/', method = 'GET'): string {
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${cookie === null ? '' : `Cookie: ${cookie}\r\n`}\r\n`
}

/** All at once over one connection; answers once as many responses have come back. */
async function sendOver(origin: string, text: string, answers: number): Promise<string> {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(text.replace(/\r\n\r\n$/, '\r\nConnection: close\r\n\r\n'))
  let received = ''
  for await (const chunk of socket) received += chunk
  expect(received.match(/HTTP\/1\.1 (?!103)\d+ /g)).toHaveLength(answers)
  return received
}
