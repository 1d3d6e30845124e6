import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { BODY } from '../fixture.ts'
import { modes } from '../modes/all.ts'
import { FRAMEWORKS, type Headers, type Mode, nameOn, nameWithin, type Running } from '../modes/mode.ts'
import { assertAnswers } from '../questions/answers.ts'
import { COMPARISONS } from '../report/comparisons.ts'

/** None of the million that a full run has. */
const FEW = { scale: 0, sample: 3, engines: {} }

describe('the modes', () => {
  it('have names of their own', () => {
    expect(new Set(modes.map(({ name }) => name)).size).toBe(modes.length)
  })

  it('have names that fit beside the bars of a plot', () => {
    const bars = modes.filter(({ kind }) => kind === 'ours' || kind === 'peer')
    const names = bars.map(({ framework, name }) => nameWithin(framework, name))
    expect(names.filter((name) => name.length > 54)).toEqual([])
  })

  it.each(FRAMEWORKS)(
    'have on %s a bare server, a control, ours on both stores, and the usual package',
    (on) => {
      const here = modes.filter(({ framework }) => framework === on)
      const names = here.map(({ name }) => name)
      expect(here.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['bare', 'control']))
      for (const store of ['memory', 'SQLite']) {
        expect(names).toContain(nameOn(on, `coatcheck, ${store}, 10,000 sessions`))
      }
      expect(names).toContain(COMPARISONS[on].usual.name)
      expect(names).toContain(COMPARISONS[on].reference)
    },
  )

  it.each(modes)('know who is asking and nobody else, in small: $name', async (mode) => {
    const running = await mode.start(FEW)
    try {
      await listening(running, (url) => assertAnswers({ mode, url, requests: running.requests }))
    } finally {
      await running.close?.()
    }
  })

  it('are told apart within a framework by the rest of their name', () => {
    expect(nameWithin('Koa', nameOn('Koa', 'koa-session'))).toBe('koa-session')
    expect(nameWithin('node:http', nameOn('node:http', 'jose'))).toBe('jose')
  })
})

describe('the check before anything is timed', () => {
  const known = { cookie: 'session=aaaaaaaaaaaaaaaaaaaaaaaa' }
  const knows = ({ cookie }: Headers) => cookie === known.cookie

  it.each([
    ['a wrong answer', { body: () => 'hello nobody' }, 'answers wrongly'],
    ['strangers let in', { status: () => 200 }, 'lets strangers in'],
    [
      'a changed credential let in',
      { status: ({ cookie }: Headers) => (cookie ? 200 : 401) },
      'lets strangers',
    ],
    ['a cookie set on the way', { setCookie: 'a=b' }, 'sets a cookie'],
  ])('finds %s', async (_fault, faults, message) => {
    const server = fakeServer({
      status: (headers) => (knows(headers) ? 200 : 401),
      body: () => BODY,
      ...faults,
    })
    await listening(server, async (url) => {
      await expect(assertAnswers({ mode: PEER, url, requests: [known] })).rejects.toThrow(message)
    })
  })

  it('finds a mode of which it is said wrongly that it sends its cookie again', async () => {
    const server = fakeServer({ status: (headers) => (knows(headers) ? 200 : 401), body: () => BODY })
    await listening(server, async (url) => {
      const mode = { ...PEER, resendsCookie: true }
      await expect(assertAnswers({ mode, url, requests: [known] })).rejects.toThrow('sets no cookie')
      await expect(assertAnswers({ mode: PEER, url, requests: [known] })).resolves.toBeUndefined()
    })
  })
})

const PEER: Mode = {
  name: 'a peer',
  kind: 'peer',
  framework: 'node:http',
  start: () => Promise.reject(new Error('It has been started already.')),
}

interface Fake {
  status(headers: Headers): number
  body(): string
  readonly setCookie?: string
}

function fakeServer({ status, body, setCookie }: Fake): Pick<Running, 'server'> {
  const server = createServer((request, response) => {
    response.statusCode = status(request.headers.cookie ? { cookie: request.headers.cookie } : {})
    if (setCookie) response.setHeader('set-cookie', setCookie)
    response.end(body())
  })
  return { server }
}

async function listening(
  { server }: Pick<Running, 'server'>,
  work: (url: string) => Promise<void>,
): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}
