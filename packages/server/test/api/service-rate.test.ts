import { FakeEnvironment } from 'coatcheck/testing'
import { expect, it } from 'vitest'
import { startTestServer } from '../helpers/test-server.ts'
import { serviceOf } from './client.ts'

it('API-04 one service in a loop is told to wait, and others are answered', async () => {
  const environment = new FakeEnvironment()
  const lines: string[] = []
  const logTo = { write: (line: string) => void lines.push(line) }
  const server = await startTestServer({ serviceRate: '20', logLevel: 'warn' }, { environment, logTo })
  const [one, other] = [await serviceOf(server), await serviceOf(server)]
  const validate = ({ call }: typeof one) => call('POST', '/v1/sessions/validate', { token: 'none' })
  const show = ({ call }: typeof one) => call('GET', `/v1/sessions/${'A'.repeat(22)}`)
  const statuses = async (asked: readonly Promise<{ readonly status: number }>[]) =>
    (await Promise.all(asked)).map(({ status }) => status)
  expect(await statuses(Array.from({ length: 10 }, () => validate(one)))).toEqual(Array(10).fill(200))
  expect(await statuses([show(one)])).toEqual([404])
  for (const refused of [await validate(one), await show(one), await validate(one)]) {
    expect([refused.status, refused.body.code]).toEqual([429, 'rate-limited'])
    expect(refused.headers.get('retry-after')).toBe('1')
  }
  expect(await statuses([validate(other), show(other)])).toEqual([200, 404])
  expect(lines.filter((line) => line.includes(one.keyId))).toHaveLength(1)
  expect(lines.join()).not.toContain(one.key)
  environment.advance(1_000)
  expect(await statuses([validate(one), show(one)])).toEqual([200, 404])
})

it('is not counted for keys that are none or a user’s, which are refused before', async () => {
  const environment = new FakeEnvironment()
  const server = await startTestServer({ serviceRate: '10' }, { environment })
  const user = await serviceOf(server, ['sessions:validate'], 'ada')
  for (let time = 0; time < 12; time++) {
    const { status } = await user.call('POST', '/v1/sessions/validate', { token: 'none' })
    expect(status).toBe(403)
  }
})
