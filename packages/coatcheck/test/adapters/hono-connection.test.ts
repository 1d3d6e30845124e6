import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { connectionOf } from '../../src/adapters/hono.ts'

describe('connectionOf', () => {
  it('believes the proxies that are trusted, and nobody else', async () => {
    const app = new Hono().get('/', (c) => {
      const clientAddress = () => '10.0.0.1'
      return c.json([
        connectionOf(c, { clientAddress }).address,
        connectionOf(c, { clientAddress, trustProxy: ['10.0.0.0/8'] }).address,
      ])
    })
    const headers = { 'x-forwarded-for': '203.0.113.9' }
    expect(await (await app.request('http://shop.localhost/', { headers })).json()).toEqual([
      '10.0.0.1',
      '203.0.113.9',
    ])
  })
})
