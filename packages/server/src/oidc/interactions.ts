import type { IncomingMessage, ServerResponse } from 'node:http'
import { type JsonFields, type Session, safeRedirectPath } from 'coatcheck'
import type { Interaction, Provider } from 'oidc-provider'
import type { ClientExtras, Clients } from './clients.ts'
import { isReached } from './configuration.ts'
import { consentPage } from './consent-page.ts'
import type { Consents } from './consents.ts'
import { forwardingPage, page } from './html.ts'
import type { Subject } from './parts.ts'
import { readForm } from './read-form.ts'

export const INTERACTION_PATH = '/oauth/interaction/'

export interface InteractionParts {
  readonly clients: Clients
  readonly consents: Consents
  readonly subject: (id: string) => Promise<Subject | null>
}

/** One visit of a browser in the middle of an authorization request. */
export interface Visit {
  readonly provider: Provider
  readonly session: Session<JsonFields>
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** `/oauth/interaction/...`: asks the user for what the protocol library lacks, a login or consent, and lets the request go on. */
export async function interact(parts: InteractionParts, visit: Visit): Promise<void> {
  const interaction = await find(visit)
  if (!interaction) {
    send(
      visit.response,
      400,
      page(
        'Please start again',
        '<p>This request is not known here, or no longer. Go back to the application and start again.</p>',
      ),
    )
    return
  }
  if (interaction.prompt.name === 'login') await login(visit, interaction)
  else await consent(parts, visit, interaction)
}

/** Only for the browser that began it: its cookie names it, too. */
async function find({ provider, request, response }: Visit): Promise<Interaction | undefined> {
  const id = provider.createContext(request, response).cookies.get('oauth-interaction', { signed: true })
  const [path] = (request.url ?? '').split('?')
  return id !== undefined && path === `${INTERACTION_PATH}${id}` ? provider.Interaction.find(id) : undefined
}

async function login(visit: Visit, interaction: Interaction): Promise<void> {
  const { session, response } = visit
  const { userId, authenticatedAt } = session
  if (userId === null || authenticatedAt === null || !isProven(session, interaction)) {
    if (isHopeless(session, interaction)) {
      await finish(visit, interaction, {
        error: 'unmet_authentication_requirements',
        error_description: 'the requested authentication level cannot be reached',
      })
      return
    }
    response.writeHead(303, { location: loginAddress(visit, interaction) }).end()
    return
  }
  const { level, methods } = session.authentication
  const ts = Math.floor(authenticatedAt / 1_000)
  // The request may have begun with another user, or with none.
  interaction.session = { accountId: userId }
  await finish(visit, interaction, {
    login: { accountId: userId, ts, amr: [...methods], ...(level && { acr: level }), remember: true },
  })
}

const FRESH_REASONS: readonly string[] = ['login_prompt', 'max_age']
const OTHER_USER_REASONS: readonly string[] = ['id_token_hint', 'claims_id_token_sub_value']

/** Whether the user has shown, since the request began, what it lacked. */
function isProven(
  { authenticatedAt, authentication }: Session<JsonFields>,
  { prompt, iat, params }: Interaction,
): boolean {
  const needsFresh = prompt.reasons.some(
    (reason) => FRESH_REASONS.includes(reason) || OTHER_USER_REASONS.includes(reason),
  )
  if (needsFresh && (authenticatedAt ?? 0) < iat * 1_000) return false
  if (!prompt.reasons.includes('acr')) return true
  return isReached((params.acr_values ?? '').split(' '), authentication.level ?? undefined)
}

/** A level that the login page does not give, however often it is asked. */
function isHopeless({ authenticatedAt }: Session<JsonFields>, { prompt, iat }: Interaction): boolean {
  return prompt.reasons.includes('acr') && (authenticatedAt ?? 0) >= iat * 1_000
}

function loginAddress({ session, request }: Visit, { params }: Interaction): string {
  const query = new URLSearchParams({ return_to: safeRedirectPath(request.url, '/') })
  if (session.userId !== null) query.set('reauthenticate', '1')
  if (params.acr_values) query.set('level', params.acr_values.split(' ')[0] ?? '')
  return `/login?${query}`
}

async function consent(
  { clients, consents, subject }: InteractionParts,
  visit: Visit,
  interaction: Interaction,
): Promise<void> {
  const { session, request, response } = visit
  const { userId } = session
  const client = await clients.find(interaction.params.client_id ?? '')
  const user = userId === null ? null : await subject(userId)
  if (userId === null || !client || !user) {
    response.writeHead(303, { location: loginAddress(visit, interaction) }).end()
    return
  }
  const asked = askedFor(interaction, client)
  if (request.method !== 'POST') {
    const redirectHost = hostOf(interaction.params.redirect_uri ?? '')
    const shown = { id: client.id, name: client.name, kind: client.kind, redirectHost }
    send(
      response,
      200,
      consentPage({ client: shown, userName: user.name, ...asked, csrf: session.csrfToken() }),
    )
    return
  }
  const form = await readForm(request)
  session.assertCsrf(form.get('csrf'))
  if (form.get('decision') !== 'allow') {
    await finish(visit, interaction, {
      error: 'access_denied',
      error_description: 'the user has not allowed it',
    })
    return
  }
  await consents.add(userId, client.id, asked)
  await finish(visit, interaction, { consent: {} })
}

/** Everything that the request asks for and the application may have, whether it was allowed before or not. */
function askedFor(
  { params }: Interaction,
  { scopes, resources }: Pick<ClientExtras, 'resources'> & { readonly scopes: readonly string[] },
) {
  const asked = new Set((params.scope ?? '').split(' '))
  const named = [params.resource ?? []].flat()
  return {
    scopes: scopes.filter((scope) => asked.has(scope)),
    resources: Object.fromEntries(
      Object.entries(resources)
        .filter(([resource]) => named.includes(resource))
        .map(([resource, names]) => [resource, names.filter((name) => asked.has(name))]),
    ),
  }
}

async function finish({ response }: Visit, interaction: Interaction, result: object): Promise<void> {
  interaction.result = 'error' in result ? result : { ...interaction.lastSubmission, ...result }
  await interaction.save(Math.max(1, interaction.exp - interaction.iat))
  send(response, 200, forwardingPage(interaction.returnTo))
}

function hostOf(uri: string): string {
  const url = URL.parse(uri)
  return url?.host || (url?.protocol ?? '')
}

function send(response: ServerResponse, status: number, html: string): void {
  response
    .writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
    .end(html)
}
