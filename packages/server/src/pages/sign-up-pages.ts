import type { JsonFields, Session } from 'coatcheck'
import type { Context, Hono } from 'hono'
import { html } from 'hono/html'
import type { AccountFault } from '../accounts/accounts.ts'
import { MAX_NAME_LENGTH } from '../accounts/names.ts'
import type { Entrance } from './entrance.ts'
import { button, field, hidden, problem } from './markup.ts'
import { type PageKit, readForm, type Shown } from './page-kit.ts'

/** Accounts that visitors make themselves, where the operator lets them. */
export function signUpPages(app: Hono, kit: PageKit, entrance: Entrance): void {
  kit.get(app, '/sign-up', (c, session) => {
    const returnTo = kit.returnTo(c.req.query('return_to'))
    if (session.userId !== null) return kit.redirect(c, returnTo)
    return show(c, kit, { name: '', returnTo, problem: null })
  })
  kit.post(app, '/sign-up', (c, session) => signUp(c, session, kit, entrance))
}

async function signUp(
  c: Context,
  session: Session<JsonFields>,
  kit: PageKit,
  entrance: Entrance,
): Promise<Response> {
  const { accounts, sessions } = kit.authority
  const form = await readForm(c)
  const [name, password, returnTo] = [form('name'), form('password'), kit.returnTo(form('return_to'))]
  const retryAfter = await accounts.limit('sign-up', kit.address(c))
  if (retryAfter > 0) return kit.error(c, 429, retryAfter)
  const created = await accounts.create({ name, password }, { kind: 'user', id: null })
  if (!created.ok) {
    const status = created.reason === 'name-taken' ? 409 : 400
    return show(c, kit, { name, returnTo, problem: faultText(kit, created.reason) }, status)
  }
  const { account } = created
  const attempt = await sessions.beginLogin(account.id)
  const passed = { ok: true, account, attempt, methods: ['pwd'] } as const
  const wish = { remember: false, returnTo, levels: [], again: null }
  return (await entrance.enter(c, session, passed, wish)) ?? kit.redirect(c, '/login')
}

/** What is wrong with a name or password that was chosen. */
export function faultText({ words, authority }: PageKit, fault: AccountFault): string {
  return words(`fault.${fault}`, { length: authority.settings.minPasswordLength })
}

function show(
  c: Context,
  kit: PageKit,
  {
    name,
    returnTo,
    problem: wrong,
  }: { readonly name: string; readonly returnTo: string; readonly problem: string | null },
  status: Shown['status'] = 200,
): Promise<Response> {
  const { words, authority } = kit
  const { minPasswordLength } = authority.settings
  const content = html`${problem(wrong)}
<form method="post" action="/sign-up">
${hidden('return_to', returnTo)}
${field({ name: 'name', label: words('field.name'), autocomplete: 'username', value: name, focus: true, maxLength: MAX_NAME_LENGTH })}
${newPasswordField(kit, minPasswordLength)}
${button(words('signUp.button'))}
</form>
<ul class="ways"><li><a href="/login?return_to=${encodeURIComponent(returnTo)}">${words('signUp.login')}</a></li></ul>`
  return kit.show(c, { status, title: words('signUp.title'), content })
}

/** A field for a password to be chosen, with the rules. */
export function newPasswordField({ words }: Pick<PageKit, 'words'>, length: number, name = 'password') {
  const hint = words('field.newPassword.hint', { length })
  const label = words(name === 'password' ? 'field.password' : 'field.newPassword')
  return field({ name, label, type: 'password', autocomplete: 'new-password', hint, minLength: length })
}
