import { afterAll, describe, expect, it } from 'vitest'
import { createDpopClient } from './dpop/client.ts'
import { handle, sessions } from './dpop/server.ts'

const API = 'https://api.example'
const PASSWORD = 'correct horse battery staple'

afterAll(() => sessions.close())

describe('the guide to bound tokens', () => {
  it('DPOP-07 signs in with a key, and goes on with it', async () => {
    const { client, answers } = await served()
    await client.login(`${API}/login`, 'ada', PASSWORD)
    const response = await client.fetch(`${API}/orders?page=2`)
    expect([response.status, await response.json()]).toEqual([200, { user: 'ada' }])
    expect(answers).toEqual([401, 200, 200])
  })

  it('DPOP-05 has a token that is worth nothing without the key', async () => {
    const { client } = await served()
    await client.login(`${API}/login`, 'ada', PASSWORD)
    for (const scheme of ['Bearer', 'DPoP']) {
      const headers = { Authorization: `${scheme} ${client.token}` }
      const stolen = await handle(new Request(`${API}/orders`, { headers }))
      expect(stolen.status).toBe(401)
      expect(stolen.headers.get('www-authenticate')).toMatch(/^DPoP .*algs="ES256/)
    }
  })

  it('DPOP-04 has a token that is worth nothing with another key', async () => {
    const [ada, thief] = [(await served()).client, (await served()).client]
    await ada.login(`${API}/login`, 'ada', PASSWORD)
    const headers = { Authorization: `DPoP ${ada.token}` }
    expect((await thief.fetch(`${API}/orders`, { headers })).status).toBe(401)
  })

  it('DPOP-02 does not take a proof that another server got', async () => {
    const lured: Request[] = []
    const client = await createDpopClient(async (request) => {
      if (!request.url.startsWith('https://evil.example/')) return handle(request)
      lured.push(request)
      return new Response()
    })
    await client.login(`${API}/login`, 'ada', PASSWORD)
    await client.fetch('https://evil.example/orders')
    const [request] = lured
    if (!request) throw new Error('The client was not lured.')
    expect((await handle(request)).status).toBe(401)
    expect((await handle(new Request(`${API}/orders`, { headers: request.headers }))).status).toBe(401)
    expect((await client.fetch(`${API}/orders`)).status).toBe(200)
  })
})

async function served() {
  const answers: number[] = []
  const client = await createDpopClient(async (request) => {
    const response = await handle(request)
    answers.push(response.status)
    return response
  })
  return { client, answers }
}
