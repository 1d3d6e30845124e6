import type { RequestListener, ServerResponse } from 'node:http'
import { afterEach, expect, it } from 'vitest'
import { ResponseGate } from '../../src/adapters/response-gate.ts'
import { HttpClient } from '../../src/store-testing/exchanges/http-client.ts'
import { serve } from './harness/serve.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean()
})

it('two gates on one response both finish before it leaves, the outer one first', async () => {
  const log: string[] = []
  const { body } = await exchange((response) => {
    install(response, () => void log.push('inner'))
    install(response, () => void log.push('outer'))
    response.end('whole')
  })
  expect([log, body]).toEqual([['outer', 'inner'], 'whole'])
})

it('two gates that take time both finish before the response leaves', async () => {
  const log: string[] = []
  const { body } = await exchange((response) => {
    install(response, later('inner', log))
    install(response, later('outer', log))
    response.write('a')
    response.end('b')
    log.push('handled')
  })
  expect([log, body]).toEqual([['handled', 'outer', 'inner'], 'ab'])
})

it('an outer gate is not asked again by what Node calls on its way out', async () => {
  const log: string[] = []
  const slow = (name: string) => () => Promise.resolve().then(() => void log.push(name))
  const { body } = await exchange((response) => {
    install(response, slow('inner'))
    install(response, slow('outer'))
    response.end('whole')
  })
  expect([log, body]).toEqual([['outer', 'inner'], 'whole'])
})

it('a response is shown as sent and ended for as long as it waits at any gate', async () => {
  const seen: unknown[] = []
  await exchange((response) => {
    const look = () => void seen.push(response.headersSent, response.writableEnded)
    install(response, () => Promise.resolve().then(look))
    install(response, () => Promise.resolve().then(look))
    response.end('whole')
  })
  expect(seen).toEqual([true, true, true, true])
})

it('whatever wraps the response between two gates is called once, between them', async () => {
  const log: string[] = []
  const { body } = await exchange((response) => {
    install(response, () => void log.push('inner'))
    const { end } = response
    response.end = (...args: readonly unknown[]) => {
      log.push('wrapper')
      return Reflect.apply(end, response, [`wrapped ${args[0]}`])
    }
    install(response, () => void log.push('outer'))
    response.end('whole')
  })
  expect([log, body]).toEqual([['outer', 'wrapper', 'inner'], 'wrapped whole'])
})

it('responses that are under way at the same time keep to their own gates', async () => {
  const log: string[] = []
  const waiting: (() => void)[] = []
  const origin = await listen((request, response) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    install(response, () => promise.then(() => void log.push(`finish ${request.url}`)))
    response.end(request.url)
    waiting.push(resolve)
    if (waiting.length === 2) for (const go of waiting.toReversed()) go()
  })
  const clients = [new HttpClient(origin), new HttpClient(origin)]
  cleanups.push(...clients.map((client) => () => client.close()))
  const bodies = await Promise.all(clients.map(async (client, index) => (await client.get(`/${index}`)).body))
  expect(bodies).toEqual(['/0', '/1'])
  expect(log.toSorted()).toEqual(['finish /0', 'finish /1'])
})

/** Takes time once, as a commit does; the second time there is nothing left to do. */
function later(name: string, log: string[]): () => void | Promise<void> {
  let calls = 0
  return () => (calls++ === 0 ? Promise.resolve().then(() => void log.push(name)) : undefined)
}

function install(response: ServerResponse, finish: () => void | Promise<void>): void {
  const fail = (error: unknown) => {
    throw error
  }
  new ResponseGate(response, { finish, fail, close: () => {} }).install()
}

async function exchange(handler: (response: ServerResponse) => void) {
  const origin = await listen((_request, response) => handler(response))
  const client = new HttpClient(origin)
  cleanups.push(() => client.close())
  return client.get('/')
}

async function listen(listener: RequestListener): Promise<string> {
  const { origin, close } = await serve(listener)
  cleanups.push(close)
  return origin
}
