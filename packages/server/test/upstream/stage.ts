import type { OpenOptions } from '../../src/authority.ts'
import { type Answer, type Fields, PageVisitor } from '../helpers/page-visitor.ts'
import { startTestServer, type TestServer, type Written } from '../helpers/test-server.ts'
import { freePort } from '../oidc/sso.ts'
import { type Asked, FakeProvider, type Twist } from './fake-provider.ts'

export const SECRET = 'upstream-client-secret'

/** A server of ours with a provider `corp` of others that does as the test tells it. */
export interface Stage extends TestServer {
  readonly corp: FakeProvider
  visitor(): PageVisitor
}

export interface StageOptions {
  readonly written?: Written
  /** Members of the provider's settings. */
  readonly more?: object
  /** Providers besides, by their ids. */
  readonly others?: Readonly<Record<string, FakeProvider>>
  readonly options?: OpenOptions
}

export async function openStage({ written, more, others = {}, options }: StageOptions = {}): Promise<Stage> {
  const corp = await FakeProvider.start()
  const port = String(await freePort())
  const providers = Object.entries(others).map(([id, provider]) => provider.settings(id))
  const secrets = Object.fromEntries(['corp', ...Object.keys(others)].map((id) => [id, SECRET]))
  const server = await startTestServer(
    {
      ...{ port, publicUrl: `http://127.0.0.1:${port}`, signUp: 'true' },
      upstreams: JSON.stringify([corp.settings('corp', more), ...providers]),
      upstreamSecrets: JSON.stringify(secrets),
      ...written,
    },
    options,
  )
  return { ...server, corp, visitor: () => new PageVisitor(server.publicAddress) }
}

/** Presses the button of a provider; answers what the browser is sent there with. */
export async function leave(
  visitor: PageVisitor,
  { id = 'corp', at = '/login', action = `/login/with/${id}`, fields = {} }: Departure = {},
): Promise<Asked> {
  return askedOf(await visitor.submit(at, fields, action))
}

interface Departure {
  readonly id?: string
  readonly at?: string
  readonly action?: string
  readonly fields?: Fields
}

export function askedOf(answer: Answer): Asked {
  const target = answer.headers.get('refresh')?.replace('0;url=', '')
  if (target === undefined)
    throw new Error(`The browser was not sent on (${answer.status} ${answer.location}).`)
  const url = new URL(target)
  const parameter = (name: string) => url.searchParams.get(name) ?? ''
  return { url, state: parameter('state'), nonce: parameter('nonce') }
}

/** Back from a provider, as browsers come from another site. */
export function comeBack(visitor: PageVisitor, address: string): Promise<Answer> {
  return visitor.get(address, { 'sec-fetch-site': 'cross-site' })
}

/** The whole way there and back. */
export async function signInWith(
  visitor: PageVisitor,
  provider: FakeProvider,
  subject: string,
  { twist, ...departure }: Departure & { readonly twist?: Twist } = {},
): Promise<Answer> {
  const asked = await leave(visitor, departure)
  return comeBack(visitor, await provider.letIn(asked, subject, twist))
}
