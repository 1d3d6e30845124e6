import { expect, it } from 'vitest'
import { exportEverything, importEverything } from '../../src/admin/moving.ts'
import { type Authority, openAuthority } from '../../src/authority.ts'
import type { Settings } from '../../src/config/settings.ts'

const PASSWORD = 'correct horse battery'

/** Whether everything that lasts can be taken from one server to another, which has the same keys. */
export function movingCases(settings: () => Promise<{ from: Settings; to: Settings }>): void {
  it('P1 takes sessions, API keys and accounts along, and brings nothing back that has ended there', async () => {
    const { from, to } = await settings()
    const made = await open(from, async (authority) => {
      const created = await authority.accounts.create({ name: 'ada', password: PASSWORD, admin: true })
      const id = created.ok ? created.account.id : ''
      const key = await authority.apiKeys.create({ owner: 'service:shop', scopes: ['sessions:read'] })
      return { id, key: key.text, sessions: [await login(authority, id), await login(authority, id)] }
    })
    const lines = await linesOf(from)
    expect(lines.filter((line) => /"of":"(?:session|api-key)"/.test(line))).toHaveLength(3)
    for (const { token } of made.sessions) expect(lines.join()).not.toContain(token)
    expect(lines.join()).not.toContain(made.key.slice(-39))
    const first = await importEverything(to, iterate(lines))
    const rows = lines.filter((line) => line.includes('"of":"row"')).length
    expect(first).toEqual({ sessions: 2, apiKeys: 1, rows, skipped: 0 })
    const [kept, ended] = made.sessions
    await open(to, async (authority) => {
      expect((await authority.apiKeys.verify(made.key)).ok).toBe(true)
      const credentials = { name: 'ada', password: PASSWORD, address: null, device: null }
      expect((await authority.accounts.verify({ ...credentials, kind: 'admin' })).ok).toBe(true)
      expect(await validates(authority, kept?.token ?? '')).toBe(true)
      await authority.sessions.revoke(ended?.id ?? '')
    })
    const second = await importEverything(to, iterate(lines))
    expect(second).toEqual({ sessions: 0, apiKeys: 0, rows: 0, skipped: 3 + rows })
    await open(to, async (authority) => {
      expect(await validates(authority, kept?.token ?? '')).toBe(true)
      expect(await validates(authority, ended?.token ?? '')).toBe(false)
    })
  })
}

export async function linesOf(settings: Settings): Promise<string[]> {
  const lines: string[] = []
  for await (const line of exportEverything(settings)) lines.push(line)
  return lines
}

export async function open<T>(settings: Settings, work: (authority: Authority) => Promise<T>): Promise<T> {
  const authority = await openAuthority(settings)
  try {
    return await work(authority)
  } finally {
    await authority.close()
  }
}

export async function* iterate(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}

async function login({ sessions }: Authority, userId: string) {
  const { session, token } = await sessions.manager.login(null, {
    userId,
    transport: 'bearer',
    context: CONTEXT,
    remember: false,
    authentication: { methods: ['pwd'], level: null },
    data: {},
    carry: [],
    operations: [],
    attempt: null,
  })
  return { id: session.record.id, token }
}

async function validates({ sessions }: Authority, token: string): Promise<boolean> {
  const validation = await sessions.manager.validate(token, {
    transport: 'bearer',
    context: CONTEXT,
    mode: 'peek',
    touch: false,
    consistency: 'bounded',
    onOutage: 'fail',
  })
  return validation.ok
}

const CONTEXT = { userAgent: null, address: null, label: null, fingerprint: 'test' }
