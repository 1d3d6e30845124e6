import type { JsonFields, Session } from 'coatcheck'
import { type Context, Hono } from 'hono'
import { html } from 'hono/html'
import type { AccountFault } from '../accounts/accounts.ts'
import { MAX_NAME_LENGTH } from '../accounts/names.ts'
import { isSetupToken, redeemSetup } from '../admin/setup.ts'
import type { Authority } from '../authority.ts'
import { DeviceCookie } from './device-cookie.ts'
import { adminEntrance, type Entrance } from './entrance.ts'
import { button, field, hidden, notice, problem } from './markup.ts'
import { answerFaults } from './page-errors.ts'
import { PageKit, readForm, type Shown } from './page-kit.ts'
import { refusal } from './refusal.ts'
import { faultText, newPasswordField } from './sign-up-pages.ts'
import { themeRoutes } from './theme.ts'

/** Pages of the admin listener: login of administrators, logout, and the set-up of the first one. */
export function adminPages(authority: Authority): Hono {
  const kit = new PageKit(authority, authority.adminSessions)
  const app = new Hono()
  answerFaults(app, kit)
  themeRoutes(app, kit.theme, kit.headers())
  kit.get(app, '/login', (c, session) =>
    session.userId === null ? showLogin(c, kit, { name: '', problem: null }) : kit.redirect(c, '/'),
  )
  const entrance = adminEntrance(kit)
  entrance.routes(app)
  kit.post(app, '/login', (c, session) => login(c, session, kit, entrance))
  kit.post(app, '/logout', async (c, session) => {
    await session.logout()
    return kit.redirect(c, '/login')
  })
  kit.get(app, '/', (c, session) =>
    session.userId === null ? kit.redirect(c, '/login') : showHome(c, kit, session.userId),
  )
  kit.get(app, '/setup', (c) => lookAtSetup(c, kit))
  kit.post(app, '/setup', (c) => setUp(c, kit))
  app.all('*', (c) => kit.error(c, 404))
  return app
}

async function login(
  c: Context,
  session: Session<JsonFields>,
  kit: PageKit,
  entrance: Entrance,
): Promise<Response> {
  const { accounts, settings } = kit.authority
  const form = await readForm(c)
  const name = form('name')
  const device = new DeviceCookie(settings).read(c)
  const asked = { name, password: form('password'), address: kit.address(c), device }
  const verdict = await accounts.verify({ ...asked, kind: 'admin' })
  const wish = { remember: false, returnTo: '/', levels: [], again: null }
  const next = verdict.ok ? await entrance.enter(c, session, verdict, wish) : null
  if (next) return next
  const { text, ...answer } = refusal(kit, verdict.ok ? { ok: false, reason: 'invalid' } : verdict)
  return showLogin(c, kit, { name, problem: text }, answer)
}

function showLogin(
  c: Context,
  kit: PageKit,
  { name, problem: wrong }: { readonly name: string; readonly problem: string | null },
  answer: Pick<Shown, 'status' | 'retryAfter'> = {},
): Promise<Response> {
  const { words } = kit
  const made = notice(c.req.query('setup') === '1' ? words('setup.done') : null)
  const content = html`${problem(wrong)}${made}<p>${words('admin.text')}</p>
<form method="post" action="/login">
${field({ name: 'name', label: words('field.name'), autocomplete: 'username', value: name, focus: name === '', maxLength: 256 })}
${field({ name: 'password', label: words('field.password'), type: 'password', autocomplete: 'current-password', focus: name !== '' })}
${button(words('login.button'))}
</form>`
  return kit.show(c, { ...answer, title: words('admin.title'), content })
}

async function showHome(c: Context, kit: PageKit, userId: string): Promise<Response> {
  const { words, authority } = kit
  const name = (await authority.accounts.find(userId))?.name ?? userId
  const content = html`<p>${words('admin.signedIn', { name })}</p>
<form method="post" action="/logout">${button(words('logout.button'))}</form>`
  return kit.show(c, { title: words('admin.title'), content })
}

async function lookAtSetup(c: Context, kit: PageKit): Promise<Response> {
  const token = c.req.query('token') ?? ''
  if (!(await isSetupToken(kit.authority, token))) return kit.show(c, spentPage(kit))
  return kit.show(c, setupPage(kit, { token, name: '', problem: null }))
}

/** The token is as good as before where the name or password cannot be taken. */
async function setUp(c: Context, kit: PageKit): Promise<Response> {
  const form = await readForm(c)
  const [token, name, password] = [form('token'), form('name'), form('password')]
  try {
    const done = await redeemSetup(kit.authority, token, async () => {
      const created = await kit.authority.accounts.create({ name, password, admin: true })
      if (!created.ok) throw new UnfitError(created.reason)
      return created.account
    })
    return done === null ? kit.show(c, spentPage(kit)) : kit.redirect(c, '/login?setup=1')
  } catch (error) {
    if (!(error instanceof UnfitError)) throw error
    return kit.show(c, {
      ...setupPage(kit, { token, name, problem: faultText(kit, error.fault) }),
      status: 400,
    })
  }
}

class UnfitError extends Error {
  readonly fault: AccountFault

  constructor(fault: AccountFault) {
    super(fault)
    this.fault = fault
  }
}

function setupPage(
  kit: PageKit,
  {
    token,
    name,
    problem: wrong,
  }: { readonly token: string; readonly name: string; readonly problem: string | null },
): Shown {
  const { words, authority } = kit
  const content = html`${problem(wrong)}<p>${words('setup.text')}</p>
<form method="post" action="/setup">
${hidden('token', token)}
${field({ name: 'name', label: words('field.name'), autocomplete: 'username', value: name, focus: true, maxLength: MAX_NAME_LENGTH })}
${newPasswordField(kit, authority.settings.minPasswordLength)}
${button(words('setup.button'))}
</form>`
  return { title: words('setup.title'), content }
}

function spentPage({ words }: PageKit): Shown {
  return { status: 400, title: words('setup.spentTitle'), content: html`<p>${words('setup.spent')}</p>` }
}
