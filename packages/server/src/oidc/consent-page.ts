import { escapeHtml, page } from './html.ts'

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

const MEANINGS: Readonly<Record<string, string>> = {
  openid: 'Know who you are (your user id)',
  profile: 'See your name and profile',
  email: 'See your e-mail address',
  offline_access: 'Stay connected after you log out, for at most 30 days',
}

/** OA-15: names the application, what it asks for, from whom, and for how long. */
export function consentPage({ client, userName, scopes, resources, csrf }: ConsentRequest): string {
  const asked = [
    ...scopes.map((scope) => MEANINGS[scope] ?? scope),
    ...Object.entries(resources).flatMap(([resource, names]) =>
      names.map((name) => `${name} at ${resource}`),
    ),
  ]
  const offline = scopes.includes('offline_access')
  const native =
    client.kind === 'native' ? ' It is an app on your device; its name has not been verified.' : ''
  return page(
    `Allow ${client.name}?`,
    `<p><strong>${escapeHtml(client.name)}</strong> (${escapeHtml(client.id)}, ${escapeHtml(client.redirectHost)}) asks to use your account
<strong>${escapeHtml(userName)}</strong>.${native} It would be able to:</p>
<ul>
${asked.map((one) => `<li>${escapeHtml(one)}</li>`).join('\n')}
</ul>
<p>${offline ? 'This lasts until you withdraw it, also after you log out.' : 'This lasts until you log out.'} You are asked once; you can withdraw it at any time in your account.</p>
<form method="post">
<input type="hidden" name="csrf" value="${escapeHtml(csrf)}">
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Cancel</button>
</form>`,
  )
}
