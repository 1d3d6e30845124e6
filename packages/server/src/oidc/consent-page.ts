import { html } from 'hono/html'
import { hidden } from '../pages/markup.ts'
import type { OidcPages, RenderedPage } from './html.ts'

/** What an application asks for. */
export interface ConsentRequest {
  readonly client: {
    readonly id: string
    readonly name: string
    readonly redirectHost: string
    readonly kind: string
  }
  readonly userName: string
  readonly scopes: readonly string[]
  /** Scopes by resource. */
  readonly resources: Readonly<Record<string, readonly string[]>>
  readonly csrf: string
}

/** OA-15: names the application, what it asks for, of whom, and for how long. */
export function consentPage(pages: OidcPages, request: ConsentRequest): Promise<RenderedPage> {
  const { words } = pages
  const { client, userName, scopes, resources, csrf } = request
  const { id, name, redirectHost: host } = client
  const asked = [
    ...scopes.map((scope) => words(`consent.scope.${scope}`)),
    ...Object.entries(resources).flatMap(([resource, names]) =>
      names.map((scope) => words('consent.api', { scope, resource })),
    ),
  ]
  const lasting = words(scopes.includes('offline_access') ? 'consent.offline' : 'consent.session')
  return pages.render(
    words('consent.title', { name }),
    html`<p>${words('consent.text', { name, id, host, user: userName })}</p>
${client.kind === 'native' ? html`<p>${words('consent.native')}</p>` : ''}
<ul>${asked.map((one) => html`<li>${one}</li>`)}</ul>
<p>${lasting} ${words('consent.withdraw')}</p>
<form method="post">${hidden('csrf', csrf)}
<button class="main" name="decision" value="allow">${words('consent.allow')}</button>
<button class="quiet" name="decision" value="deny">${words('consent.deny')}</button>
</form>`,
  )
}
