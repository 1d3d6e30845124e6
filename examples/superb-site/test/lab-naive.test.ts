import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ATTACKS } from '../src/lab/attacks.ts'
import { SESSION_COOKIE } from '../src/lab/cookie-jar.ts'
import { LabRunner } from '../src/lab/runner.ts'
import { openPanelStage, type PanelStage } from './panel-stage.ts'

const ISSUED = 'A'.repeat(68)

let stage: PanelStage
let naive: Server
beforeAll(async () => {
  stage = await openPanelStage()
  naive = createServer((request, response) => {
    const hasCookie = request.headers.cookie !== undefined
    if (!hasCookie) response.setHeader('set-cookie', `${SESSION_COOKIE}=${ISSUED}; Path=/; Secure; HttpOnly`)
    request.resume().on('end', () => response.writeHead(request.url === '/login' ? 303 : 200).end('Cart (1)'))
  }).listen(0, '127.0.0.1')
  await once(naive, 'listening')
})
afterAll(async () => {
  naive.close()
  naive.closeAllConnections()
  await stage.close()
})

describe('a shop that adopts every token and forgets nothing', () => {
  const at = () => ({ address: '127.0.0.1', port: (naive.address() as AddressInfo).port })

  it.each(ATTACKS.map((attack) => [attack.id, attack] as const))(
    'is told so by the attack %s',
    async (_id, attack) => {
      const guest = () => Promise.resolve({ name: 'guest', password: 'any' })
      const { sessions } = stage.shop
      const results = await new LabRunner().run([attack], {
        at: at(),
        sessions,
        guests: { guest, mallory: guest },
        openTwin: () =>
          Promise.resolve({
            at: at(),
            sessions,
            guest: { name: 'guest', password: 'any', changed: false },
            wait: () => Promise.resolve(),
            close: () => Promise.resolve(),
          }),
      })
      expect(results?.[0]?.verdict.held).toBe(false)
      expect(results?.[0]?.verdict.text).toMatch(/^NOT (?:refused|kept): /)
    },
  )
})
