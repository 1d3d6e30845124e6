import type { Context, Hono } from 'hono'
import { html } from 'hono/html'
import { button, field, hidden, problem } from './markup.ts'
import { type PageKit, readForm, type Shown } from './page-kit.ts'
import { faultText, newPasswordField } from './sign-up-pages.ts'

/** A link to choose a new password, and the page behind it. Nobody learns here which accounts there are. */
export function resetPages(app: Hono, kit: PageKit): void {
  kit.get(app, '/forgot-password', (c) => kit.show(c, forgotPage(kit)))
  kit.post(app, '/forgot-password', (c) => sendLink(c, kit))
  kit.get(app, '/reset-password', (c) => look(c, kit))
  kit.post(app, '/reset-password', (c) => choose(c, kit))
}

function forgotPage({ words }: PageKit): Shown {
  const content = html`<p>${words('forgot.text')}</p>
<form method="post" action="/forgot-password">
${field({ name: 'name', label: words('field.name'), autocomplete: 'username', focus: true, maxLength: 256 })}
${button(words('forgot.button'))}
</form>
<ul class="ways"><li><a href="/login">${words('forgot.login')}</a></li></ul>`
  return { title: words('forgot.title'), content }
}

async function sendLink(c: Context, kit: PageKit): Promise<Response> {
  const { accounts, settings } = kit.authority
  const form = await readForm(c)
  const retryAfter = await accounts.limit('reset', kit.address(c))
  if (retryAfter > 0) return kit.error(c, 429, retryAfter)
  accounts.requestReset(form('name'), (token) => `${settings.publicUrl.origin}/reset-password?token=${token}`)
  const content = html`<p>${kit.words('forgot.sent')}</p><ul class="ways"><li><a href="/login">${kit.words('forgot.login')}</a></li></ul>`
  return kit.show(c, { title: kit.words('forgot.sentTitle'), content })
}

async function look(c: Context, kit: PageKit): Promise<Response> {
  const token = c.req.query('token') ?? ''
  const good = await kit.authority.accounts.isResetToken(token)
  return kit.show(c, good ? choosePage(kit, token, null) : spentPage(kit))
}

async function choose(c: Context, kit: PageKit): Promise<Response> {
  const form = await readForm(c)
  const token = form('token')
  const fault = await kit.authority.accounts.resetPassword(token, form('password'), kit.address(c))
  if (fault === null) return kit.redirect(c, '/login?reset=1')
  if (fault === 'unknown') return kit.show(c, spentPage(kit))
  return kit.show(c, { ...choosePage(kit, token, faultText(kit, fault)), status: 400 })
}

function choosePage(kit: PageKit, token: string, wrong: string | null): Shown {
  const { words, authority } = kit
  const content = html`${problem(wrong)}
<form method="post" action="/reset-password">
${hidden('token', token)}
${newPasswordField(kit, authority.settings.minPasswordLength, 'password')}
${button(words('reset.button'))}
</form>`
  return { title: words('reset.title'), content }
}

function spentPage({ words }: PageKit): Shown {
  const content = html`<p>${words('reset.spent')}</p><p><a class="main" href="/forgot-password">${words('reset.again')}</a></p>`
  return { status: 400, title: words('reset.spentTitle'), content }
}
