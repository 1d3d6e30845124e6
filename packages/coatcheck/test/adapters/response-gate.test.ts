import { once } from 'node:events'
import type { RequestListener, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { ResponseGate } from '../../src/adapters/response-gate.ts'
import type { MaybePromise } from '../../src/core/maybe-promise.ts'
import { HttpClient } from '../../src/store-testing/exchanges/http-client.ts'
import { serve } from './harness/serve.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean()
})

describe('a gate whose finish is done at once', () => {
  it('lets every call through in the same turn', async () => {
    const log: unknown[] = []
    const { body } = await exchange(
      (response) => {
        log.push('write')
        log.push(response.write('a'), response.headersSent)
        response.end('b')
        log.push(response.writableEnded)
      },
      { finish: () => void log.push('finish') },
    )
    expect(log).toEqual(['write', 'finish', true, true, true])
    expect(body).toBe('ab')
  })

  it('asks once, whatever calls the methods make among themselves', async () => {
    let finished = 0
    const { headers } = await exchange((response) => response.end('whole'), { finish: () => void finished++ })
    expect([finished, headers['content-length']]).toEqual([1, '5'])
  })

  it('asks again where the call failed and nothing has left', async () => {
    const log: string[] = []
    const { status } = await exchange(
      (response) => {
        expect(() => response.write(42 as never)).toThrow(TypeError)
        response.statusCode = 500
        response.end()
      },
      { finish: () => void log.push('finish') },
    )
    expect([status, log]).toEqual([500, ['finish', 'finish']])
  })

  it('asks for nothing before Node has accepted the status', async () => {
    const log: string[] = []
    await exchange(
      (response) => {
        expect(() => response.writeHead(99)).toThrow(RangeError)
        log.push('refused')
        response.end()
      },
      { finish: () => void log.push('finish') },
    )
    expect(log).toEqual(['refused', 'finish'])
  })
})

describe('a gate that waits', () => {
  it('shows the application a response whose headers are sent and whose buffer is full', async () => {
    const log: unknown[] = []
    const hold = Promise.withResolvers<void>()
    const answer = exchange(
      (response) => {
        log.push(response.write('a'), response.headersSent, response.writableEnded)
        log.push(codeOf(() => response.writeHead(200)))
        log.push(response.end('b') === response, response.writableEnded)
        hold.resolve()
      },
      { finish: () => hold.promise },
    )
    expect((await answer).body).toBe('ab')
    expect(log).toEqual([false, true, false, 'ERR_HTTP_HEADERS_SENT', true, true])
  })

  it('shows the response as it is to finish, and as sent only once it is', async () => {
    const seen: unknown[] = []
    await exchange(
      (response) => {
        response.setHeader('X-A', 'a')
        response.writeHead(201, { 'X-B': 'b' })
        response.end()
      },
      {
        finish: async (response) => {
          seen.push(response.statusCode, response.getHeader('x-a'), response.getHeader('x-b'))
          response.setHeader('X-C', 'c')
        },
      },
    )
    expect(seen).toEqual([201, 'a', 'b'])
  })

  it('calls back for each write and for the end, in order', async () => {
    const log: unknown[] = []
    const done = Promise.withResolvers<void>()
    await exchange(
      (response) => {
        response.write('a', () => log.push('a'))
        response.write('b', 'utf8', () => log.push('b'))
        response.end('c', () => {
          log.push('end')
          done.resolve()
        })
      },
      { finish: () => Promise.resolve() },
    )
    await done.promise
    expect(log).toEqual(['a', 'b', 'end'])
  })

  it("emits 'drain' once, when it has let everything go", async () => {
    let drains = 0
    const { body } = await exchange(
      async (response) => {
        response.on('drain', () => drains++)
        response.write('a')
        response.write('b')
        await once(response, 'drain')
        response.end('c')
      },
      { finish: () => Promise.resolve() },
    )
    expect([body, drains]).toEqual(['abc', 1])
  })

  it("leaves 'drain' to Node where Node's buffer is full as well", async () => {
    const big = 'x'.repeat(4_000_000)
    const order: string[] = []
    const { body } = await exchange(
      async (response) => {
        response.on('drain', () => order.push(response.writableLength === 0 ? 'empty' : 'full'))
        response.write(big)
        await once(response, 'drain')
        response.end('!')
      },
      { finish: () => Promise.resolve() },
    )
    expect([body.length, order]).toEqual([big.length + 1, ['empty']])
  })

  it('takes headers of writeHead in every form that Node does', async () => {
    const forms = [
      { 'X-One': '1', 'Set-Cookie': ['a=1', 'b=2'] },
      ['X-One', '1', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'],
      [
        ['X-One', '1'],
        ['Set-Cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
    ]
    for (const form of forms) {
      const { status, headers, setCookies } = await exchange(
        (response) => {
          response.setHeader('Set-Cookie', 'replaced=1')
          response.writeHead(201, 'Made', form as never)
          response.end()
        },
        { finish: async (response) => void response.appendHeader('Set-Cookie', 'ours=1') },
      )
      expect([status, headers['x-one'], setCookies]).toEqual([201, '1', ['a=1', 'b=2', 'ours=1']])
    }
  })

  it('lets informational responses pass', async () => {
    const hold = Promise.withResolvers<void>()
    const { origin, close } = await serve((_request, response) => {
      install(response, { finish: () => hold.promise })
      response.writeProcessing()
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.end('late')
    })
    cleanups.push(close)
    const client = new HttpClient(origin)
    cleanups.push(() => client.close())
    const request = client.start('GET', '/')
    const statuses: number[] = []
    request.on('information', ({ statusCode }: { statusCode: number }) => {
      statuses.push(statusCode)
      if (statusCode === 103) hold.resolve()
    })
    await once(request, 'response')
    expect(statuses).toEqual([102, 103])
  })

  it('carries pipes and pipelines', async () => {
    const chunks = Array.from({ length: 50 }, (_, index) => `${index},`.repeat(2_000))
    for (const send of [
      (response: ServerResponse) => Readable.from(chunks).pipe(response),
      (response: ServerResponse) => pipeline(Readable.from(chunks), response),
      (response: ServerResponse) => pipeline(chunks, response),
    ]) {
      const { body } = await exchange(send, { finish: () => Promise.resolve() })
      expect(body === chunks.join('')).toBe(true)
    }
  })
})

describe('a gate whose finish fails', () => {
  it.each([
    ['at once', () => raise('failed')],
    ['later', async () => raise('failed')],
  ])('discards body, status and what describes them, and nothing else: %s', async (_, finish) => {
    const { status, headers, body } = await exchange(
      (response) => {
        response.statusCode = 201
        response.statusMessage = 'Made'
        response.setHeader('Content-Security-Policy', "default-src 'none'")
        response.setHeader('Access-Control-Allow-Origin', 'https://a.example')
        response.setHeader('Content-Type', 'text/x-made')
        response.setHeader('Content-Language', 'de')
        response.setHeader('Content-Length', '4')
        response.setHeader('Last-Modified', 'now')
        response.setHeader('CDN-Cache-Control', 'max-age=1')
        response.setHeader('Location', '/made')
        response.end('made')
      },
      { finish: failing(finish), fail: (_error, response) => response.end(String(response.statusCode)) },
    )
    expect([status, body]).toEqual([500, '500'])
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none'",
      'access-control-allow-origin': 'https://a.example',
    })
    for (const name of [
      'content-type',
      'content-language',
      'last-modified',
      'cdn-cache-control',
      'location',
    ]) {
      expect(headers).not.toHaveProperty(name)
    }
  })

  it('never throws out of a call, nor runs the error path within it', async () => {
    const log: string[] = []
    await exchange(
      (response) => {
        response.end('made')
        log.push('handler goes on')
      },
      {
        finish: failing(() => raise('failed')),
        fail: (_error, response) => {
          log.push('error path')
          response.end()
        },
      },
    )
    expect(log).toEqual(['handler goes on', 'error path'])
  })

  it('tells the callbacks of what is discarded', async () => {
    const told: unknown[] = []
    await exchange(
      (response) => {
        response.write('a', (error) => told.push(error?.message))
        response.end('b', ((error?: Error) => told.push(error?.message)) as () => void)
      },
      {
        finish: failing(() => raise('failed')),
        fail: (_error, response) => setImmediate(() => response.end()),
      },
    )
    expect(told).toEqual(['failed', 'failed'])
  })

  it.each([
    ['unpipes what was writing', (response: ServerResponse) => manyPieces().pipe(response)],
    ['tells nobody who waits for room of the room that it makes', writeOn],
  ])('%s, so that nothing of it gets into the answer', async (_what, prepare) => {
    const sorry = 'sorry'.repeat(1_000_000)
    const { body } = await exchange(prepare, {
      finish: failing(async () => raise('failed')),
      fail: (_error, response) => {
        // Node's own 'drain' would set the source going again.
        response.once('drain', () => setImmediate(() => response.end()))
        response.write(sorry)
      },
    })
    expect([body.length, body === sorry]).toEqual([sorry.length, true])
  })

  it('asks again for the answer of the error path, and lets the next one go without', async () => {
    let asked = 0
    const errors: unknown[] = []
    const { body } = await exchange((response) => response.end('made'), {
      finish: () => raise(`failed ${++asked}`),
      fail: (error, response) => {
        errors.push((error as Error).message)
        response.end(`sorry ${errors.length}`)
      },
    })
    expect([asked, errors, body]).toEqual([2, ['failed 1', 'failed 2'], 'sorry 2'])
  })
})

describe('the end of an exchange', () => {
  it('is reported when the response has been sent', async () => {
    const closed = Promise.withResolvers<void>()
    await exchange((response) => response.end('a'), { close: () => closed.resolve() })
    await closed.promise
  })

  it('of a client that has gone is reported after finish, not before', async () => {
    const log: string[] = []
    const closed = Promise.withResolvers<void>()
    const { origin, close } = await serve(async (_request, response) => {
      install(response, {
        finish: async () => void log.push('finish'),
        close: () => {
          log.push('close')
          closed.resolve()
        },
      })
      request.destroy()
      await once(response, 'close')
      log.push('gone')
      response.end('nobody hears this')
    })
    cleanups.push(close)
    const client = new HttpClient(origin)
    const request = client.start('GET', '/')
    await closed.promise
    expect(log).toEqual(['gone', 'finish', 'close'])
  })
})

interface Behaviour {
  finish?(response: ServerResponse): MaybePromise<void>
  fail?(error: unknown, response: ServerResponse): void
  close?(): void
}

function install(response: ServerResponse, { finish, fail, close }: Behaviour): void {
  new ResponseGate(response, {
    finish: () => finish?.(response),
    fail: (error) => fail?.(error, response),
    close: () => close?.(),
  }).install()
}

/** One exchange over a real connection, its response behind a gate. */
async function exchange(handler: (response: ServerResponse) => unknown, behaviour: Behaviour) {
  const failed = Promise.withResolvers<never>()
  const listener: RequestListener = async (_request, response) => {
    install(response, behaviour)
    try {
      await handler(response)
    } catch (error) {
      failed.reject(error)
      response.destroy()
    }
  }
  const { origin, close } = await serve(listener)
  const client = new HttpClient(origin)
  try {
    return await Promise.race([client.get('/'), failed.promise])
  } finally {
    client.close()
    await close()
  }
}

function manyPieces(): Readable {
  return Readable.from(Array.from({ length: 100 }, () => 'of the source'))
}

function writeOn(response: ServerResponse): void {
  if (!response.write('prepared')) response.once('drain', () => writeOn(response))
}

/** Fails the first time only. */
function failing(finish: () => MaybePromise<void>): () => MaybePromise<void> {
  let calls = 0
  return () => (calls++ === 0 ? finish() : undefined)
}

function raise(message: string): never {
  throw new Error(message)
}

function codeOf(work: () => unknown): unknown {
  try {
    work()
    return 'done'
  } catch (error) {
    return (error as { readonly code?: unknown }).code
  }
}
