import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { requireEngine } from '../../../../scripts/engines.ts'
import { openUpgrade, refuseUpgrade, withSession } from '../../src/adapters/node.ts'
import { closeWithSession, createSessions, createUpgradeTickets } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { serve } from './harness/serve.ts'

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync']

let browser: Browser
let page: Page
let shop: string
let app: string
let sessions: ReturnType<typeof createSessions>

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: requireEngine('chromium'), args: FLAGS })
}, 60_000)
afterAll(() => browser?.close())
beforeEach(async () => {
  sessions = createSessions({ store: memory() })
  const { port, close } = await open()
  shop = `http://shop.localhost:${port}`
  app = `http://app.localhost:${port}`
  const context = await browser.newContext()
  page = await context.newPage()
  return async () => {
    await context.close()
    await close()
    await sessions.close()
  }
}, 60_000)

/** A shop with a socket, on any host name. */
async function open() {
  const webSockets = new WebSocketServer({ noServer: true })
  const { origin, close } = await serve(
    (request, response) =>
      withSession(sessions, request, response, async (session) => {
        response.setHeader('content-type', 'text/html')
        const { host = '' } = request.headers
        const tickets = createUpgradeTickets(sessions, {
          origins: [`http://${host.replace('shop', 'app')}`],
        })
        if (request.url === '/login') await session.login('ada')
        if (request.url !== '/ticket') return response.end('<p>a page</p>')
        response.end(await tickets.issue(session, { origin: `http://${host.replace('shop', 'app')}` }))
      }),
    (server) => {
      const tickets = createUpgradeTickets(sessions, { origins: [] })
      server.on('upgrade', async (request, socket, head) => {
        const upgrade = await openUpgrade(sessions, request, { tickets })
        if (!upgrade.ok) return refuseUpgrade(socket, upgrade.status)
        webSockets.handleUpgrade(request, socket, head, (webSocket) => {
          closeWithSession(sessions, upgrade.session, webSocket).send(upgrade.session.userId ?? 'nobody')
        })
      })
    },
  )
  return { port: new URL(origin).port, close }
}

/** Opens a socket in the page that is open, and notes in its title what it says and how it is closed. */
function connect(address: string, protocols: readonly string[] = []): Promise<void> {
  return page.evaluate(
    `{
      const socket = new WebSocket(${JSON.stringify(address.replace('http', 'ws'))}, ${JSON.stringify(protocols)})
      const note = (text) => { document.title += text + ';' }
      socket.onmessage = ({ data }) => note(data + ' ' + socket.protocol)
      socket.onclose = ({ code, reason }) => note(code + ' ' + reason)
    }`,
  )
}

async function title(includes: string): Promise<string> {
  await page.waitForFunction(`document.title.includes(${JSON.stringify(includes)})`)
  return page.title()
}

async function logIn(): Promise<void> {
  await page.goto(`${shop}/login`)
}

describe('TRN-08 a WebSocket in a browser', () => {
  it('P9 is closed with 4401 when the session ends', async () => {
    await logIn()
    await connect(shop)
    await title('ada')
    await sessions.revokeUser('ada')
    expect(await title('4401')).toBe('ada ;4401 session ended;')
  })

  it('is opened with a ticket by a page of another site, without a cookie, once', async () => {
    await logIn()
    await page.goto(`${shop}/ticket`)
    const ticket = await page.innerText('body')
    await page.goto(app)
    await connect(shop, ['chat', `ticket.${ticket}`])
    expect(await title('ada')).toBe('ada chat;')
    await connect(shop, ['chat', `ticket.${ticket}`])
    expect(await title('1006')).toBe('ada chat;1006 ;')
    await sessions.revokeUser('ada')
    expect(await title('4401')).toContain('4401 session ended')
  })

  it('is opened by no page of another site without a ticket, nor with one of another origin’s', async () => {
    await logIn()
    await page.goto(`${shop}/ticket`)
    const ticket = await page.innerText('body')
    await page.goto(app.replace('app', 'evil'))
    await connect(shop)
    expect(await title(';')).toBe('1006 ;')
    await connect(`${shop}/?ticket=${ticket}`)
    expect(await title('1006 ;1006')).toBe('1006 ;1006 ;')
  })
})
