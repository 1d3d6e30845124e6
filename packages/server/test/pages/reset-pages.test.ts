import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { hmac } from '../../src/system.ts'
import { openPages, PASSWORD } from '../helpers/open-pages.ts'
import { PageVisitor } from '../helpers/page-visitor.ts'
import type { Written } from '../helpers/test-server.ts'

const OTHER = 'another horse battery'

interface Told {
  readonly signature: string
  readonly body: string
}

/** The owner's endpoint, and a server that tells it of resets. */
async function open(written: Written = {}) {
  const told: Told[] = []
  const endpoint = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      told.push({ body, signature: String(request.headers['coatcheck-signature']) })
      response.end()
    })
  })
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void endpoint.close())
  const resetUrl = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/resets`
  const pages = await openPages({ resetUrl, hookSecret: 'shared secret', ...written })
  const ask = async (name: string) => {
    const answer = await pages.visitor.post('/forgot-password', { name })
    await pages.authority.accounts.flush()
    return answer
  }
  const pathOf = ({ body }: Told) => new URL(JSON.parse(body).link).href.replace('http://localhost:4000', '')
  return { ...pages, told, ask, pathOf }
}

describe('a password reset', () => {
  it('goes by a signed message to the owner, works once, and ends all sessions', async () => {
    const { visitor, authority, environment, told, ask, pathOf, publicAddress } = await open()
    const phone = new PageVisitor(publicAddress)
    await phone.login('ada', PASSWORD)
    await ask(' ADA ')
    const [message] = told as [Told]
    const seconds = Math.floor(environment.now() / 1_000)
    expect(message.signature).toBe(
      `t=${seconds},v1=${hmac(Buffer.from('shared secret'), `${seconds}.${message.body}`)}`,
    )
    expect(JSON.parse(message.body)).toMatchObject({
      name: 'Ada',
      email: null,
      expiresAt: environment.now() + 1_800_000,
    })
    const path = pathOf(message)
    const page = await visitor.get(path)
    expect(page.headers.get('referrer-policy')).toBe('no-referrer')
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect((await visitor.submit(path, { password: 'short' })).status).toBe(400)
    expect((await visitor.submit(path, { password: OTHER })).location).toBe('/login?reset=1')
    expect((await phone.get('/account')).status).toBe(303)
    expect((await visitor.get(path)).status).toBe(400)
    const token = path.split('token=')[1] ?? ''
    expect((await visitor.post('/reset-password', { token, password: 'a third horse battery' })).status).toBe(
      400,
    )
    expect((await visitor.login('ada', OTHER)).status).toBe(303)
    expect(await authority.database.all('SELECT * FROM coatcheck_password_resets')).toEqual([])
  })

  it('says the same whether or not there is such an account', async () => {
    const { told, ask } = await open()
    const known = await ask('ada')
    const unknown = await ask('nobody')
    const bare = (text: string) => text.replaceAll(/nonce="[^"]*"/g, '')
    expect([unknown.status, bare(unknown.text)]).toEqual([known.status, bare(known.text)])
    expect(told.length).toBe(1)
  })

  it('is kept as a hash, and is over after half an hour', async () => {
    const { visitor, authority, environment, told, ask, pathOf } = await open()
    await ask('ada')
    const path = pathOf(told[0] as Told)
    const token = path.split('token=')[1] ?? ''
    expect(
      JSON.stringify(await authority.database.all('SELECT * FROM coatcheck_password_resets')),
    ).not.toContain(token)
    environment.advance(30 * 60_000)
    expect((await visitor.get(path)).status).toBe(400)
    expect((await visitor.post('/reset-password', { token, password: OTHER })).status).toBe(400)
    expect((await visitor.login('ada', PASSWORD)).status).toBe(303)
  })

  it('is used by one of two who come at once', async () => {
    const { visitor, told, ask, pathOf } = await open()
    await ask('ada')
    const token = pathOf(told[0] as Told).split('token=')[1] ?? ''
    const both = await Promise.all(
      ['first horse battery', 'second horse battery'].map((password) =>
        visitor.post('/reset-password', { token, password }),
      ),
    )
    expect(both.map(({ status }) => status).sort()).toEqual([303, 400])
  })

  it('is gone when the password is changed or the account disabled', async () => {
    const { visitor, authority, ada, told, ask, pathOf } = await open()
    await ask('ada')
    await authority.accounts.setPassword(ada.id, OTHER)
    expect((await visitor.get(pathOf(told[0] as Told))).status).toBe(400)
    await ask('ada')
    await authority.accounts.disable(ada.id)
    expect((await visitor.get(pathOf(told[1] as Told))).status).toBe(400)
    await ask('ada')
    expect(told.length).toBe(2)
  })

  it('floods neither a mailbox nor the endpoint', async () => {
    const { told, ask } = await open()
    const statuses: number[] = []
    for (let n = 0; n < 24; n++) statuses.push((await ask('ada')).status)
    expect(told.length).toBe(3)
    expect(statuses.slice(-2)).toEqual([429, 429])
  })

  it('is not offered where nobody sends links', async () => {
    const { visitor } = await openPages()
    expect((await visitor.get('/login')).text).not.toContain('forgot-password')
    expect((await visitor.get('/forgot-password')).status).toBe(404)
    expect((await visitor.post('/reset-password', { token: '', password: OTHER })).status).toBe(404)
  })
})
