import type { IncomingMessage, ServerResponse } from 'node:http'
import { type JsonFields, type Session, safeRedirectPath } from 'coatcheck'
import type { Interaction, Provider } from 'oidc-provider'
import { isReached } from '../accounts/levels.ts'
import { PROVEN_FIELD, provenAt } from '../forward-auth/session-fields.ts'
import type { ClientExtras, Clients } from './clients.ts'
import { consentPage } from './consent-page.ts'
import type { Consents } from './consents.ts'
import type { OidcPages, RenderedPage } from './html.ts'
import type { Subject } from './parts.ts'
import { readForm } from './read-form.ts'

export const INTERACTION_PATH = '/oauth/interaction/'

export interface InteractionParts {
  readonly clients: Clients
  readonly consents: Consents
  readonly pages: OidcPages
  readonly subject: (id: string) => Promise<Subject | null>
  /** Epoch milliseconds. */
  readonly begunAt: (interactionId: string) => Promise<number>
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
  if (!interaction) return send(visit.response, 400, await parts.pages.unknownRequest())
  if (interaction.prompt.name === 'login') await login(parts, visit, interaction)
  else await consent(parts, visit, interaction)
}

/** Only for the browser that began it: its cookie names it, too. */
async function find({ provider, request, response }: Visit): Promise<Interaction | undefined> {
  const id = provider.createContext(request, response).cookies.get('oauth-interaction', { signed: true })
  const [path] = (request.url ?? '').split('?')
  return id !== undefined && path === `${INTERACTION_PATH}${id}` ? provider.Interaction.find(id) : undefined
}

async function login(parts: InteractionParts, visit: Visit, interaction: Interaction): Promise<void> {
  const { session, response } = visit
  const { userId } = session
  const begunAt = await parts.begunAt(interaction.uid)
  if (userId === null || lacksFreshness(session.authenticatedAt ?? 0, interaction, begunAt)) {
    response.writeHead(303, { location: loginAddress(visit, interaction) }).end()
    return
  }
  const refusal = refusalOf(session, interaction)
  if (refusal) return finish(parts, visit, interaction, refusal)
  const { level, methods } = session.authentication
  const at = provenAt(session.authenticatedAt, session.get(PROVEN_FIELD), session.createdAt)
  const ts = Math.floor(at / 1_000)
  // The request may have begun with another user, or with none.
  interaction.session = { accountId: userId }
  return finish(parts, visit, interaction, {
    login: { accountId: userId, ts, amr: [...methods], ...(level && { acr: level }), remember: true },
  })
}

const FRESH_REASONS: readonly string[] = ['login_prompt', 'max_age', 'acr']
const OTHER_USER_REASONS: readonly string[] = ['id_token_hint', 'claims_id_token_sub_value']

/** Whether the user has yet to prove who they are since the request began. */
function lacksFreshness(authenticatedAt: number, { prompt }: Interaction, begunAt: number): boolean {
  return authenticatedAt <= begunAt && prompt.reasons.some((reason) => FRESH_REASONS.includes(reason))
}

/** What no other visit of the login page would mend: it keeps the user who is signed in, and gives the levels that it gives. */
function refusalOf(
  { userId, authentication }: Session<JsonFields>,
  { prompt, params, session }: Interaction,
): object | null {
  if (prompt.reasons.some((reason) => OTHER_USER_REASONS.includes(reason)) && userId === session?.accountId) {
    return { error: 'login_required', error_description: 'another user is signed in' }
  }
  if (!prompt.reasons.includes('acr')) return null
  if (isReached((params.acr_values ?? '').split(' '), authentication.level ?? undefined)) return null
  return {
    error: 'unmet_authentication_requirements',
    error_description: 'the requested authentication level cannot be reached',
  }
}

function loginAddress({ session, request }: Visit, { params }: Interaction): string {
  const query = new URLSearchParams({ return_to: safeRedirectPath(request.url, '/') })
  if (session.userId !== null) query.set('reauthenticate', '1')
  if (params.acr_values) query.set('level', params.acr_values.split(' ').join(','))
  return `/login?${query}`
}

async function consent(parts: InteractionParts, visit: Visit, interaction: Interaction): Promise<void> {
  const { clients, consents, pages, subject } = parts
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
    const shownRequest = { client: shown, userName: user.name, ...asked, csrf: session.csrfToken() }
    send(response, 200, await consentPage(pages, shownRequest))
    return
  }
  const form = await readForm(request)
  session.assertCsrf(form.get('csrf'))
  if (form.get('decision') !== 'allow') {
    await finish(parts, visit, interaction, {
      error: 'access_denied',
      error_description: 'the user has not allowed it',
    })
    return
  }
  await consents.add(userId, client.id, asked)
  await finish(parts, visit, interaction, { consent: {} })
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

async function finish(
  { pages }: InteractionParts,
  { response }: Visit,
  interaction: Interaction,
  result: object,
): Promise<void> {
  interaction.result = 'error' in result ? result : { ...interaction.lastSubmission, ...result }
  await interaction.save(Math.max(1, interaction.exp - interaction.iat))
  send(response, 200, await pages.forward(interaction.returnTo))
}

function hostOf(uri: string): string {
  const url = URL.parse(uri)
  return url?.host || (url?.protocol ?? '')
}

function send(response: ServerResponse, status: number, { body, headers }: RenderedPage): void {
  response.writeHead(status, { ...headers }).end(body)
}
