import type { Hono } from 'hono'
import { html, raw } from 'hono/html'
import { renderSVG } from 'uqr'
import { askAgain, forUsers, forUsersForms, isProven, type Visit } from './account-guard.ts'
import { button, field, hidden, type Markup, notice, problem } from './markup.ts'
import type { PageKit, Shown } from './page-kit.ts'
import { agoText } from './times.ts'

const PATH = '/account/second-step'

/** "My account": codes of an authenticator app as a second step of every login. All of it asks for a fresh proof. */
export function secondStepPages(app: Hono, kit: PageKit): void {
  kit.get(
    app,
    PATH,
    forUsers(kit, (visit) => look(visit, kit)),
  )
  const form = { back: PATH, fresh: true }
  kit.post(
    app,
    PATH,
    forUsersForms(kit, form, (visit, given) => add(visit, kit, given)),
  )
  kit.post(
    app,
    `${PATH}/codes`,
    forUsersForms(kit, form, async (visit) => {
      const { secondFactors } = kit.authority.accounts
      if ((await secondFactors.find(visit.userId)) === null) return kit.redirect(visit.c, PATH)
      return showCodes(visit, kit, await secondFactors.renewCodes(visit.userId), PATH)
    }),
  )
  kit.post(
    app,
    `${PATH}/remove`,
    forUsersForms(kit, form, async ({ c, session, userId }) => {
      if (await kit.authority.accounts.secondFactors.remove(userId, { kind: 'user', id: userId })) {
        // Nothing of this session speaks of a second step any more, and no other session goes on (LIO-07).
        await session.revokeOthers({ fresh: false })
        await session.reauthenticate({ methods: withoutCode(session.authentication.methods), level: 'aal1' })
      }
      return kit.redirect(c, `${PATH}?removed=1`)
    }),
  )
}

async function look(visit: Visit, kit: PageKit): Promise<Response> {
  const { c, userId, account, frame } = visit
  const { words } = kit
  if (account === null) return kit.error(c, 404)
  const returnTo = kit.returnTo(c.req.query('return_to'), PATH)
  const state = await kit.authority.accounts.secondFactors.find(userId)
  if (state === null) {
    const here = returnTo === PATH ? PATH : `${PATH}?return_to=${encodeURIComponent(returnTo)}`
    if (!(await isProven(kit, visit))) return askAgain(kit, visit, here)
    return propose(visit, kit, { returnTo })
  }
  const now = kit.authority.environment.now()
  const facts = [
    [words('secondStep.since'), agoText(state.createdAt, now, words)],
    [words('secondStep.left'), String(state.codes)],
  ] as const
  const content = html`<p>${words('secondStep.is')}</p>
<dl class="facts">${facts.map(([term, fact]) => html`<div><dt>${term}</dt><dd>${fact}</dd></div>`)}</dl>
<div class="acts">
<form method="post" action="${PATH}/codes">${hidden('csrf', frame.csrf)}<button class="quiet">${words('secondStep.renew')}</button></form>
<form method="post" action="${PATH}/remove">${hidden('csrf', frame.csrf)}<button class="danger">${words('secondStep.remove')}</button></form>
</div>`
  return kit.show(c, {
    title: words('secondStep.setUp'),
    content,
    wide: true,
    account: { ...frame, path: PATH },
  })
}

/** Shows a secret, or the one of a code that was wrong. */
function propose(
  { c, account, frame }: Visit,
  kit: PageKit,
  given: {
    readonly returnTo: string
    readonly sealed?: string
    readonly problem?: string
    readonly status?: Shown['status']
  },
): Promise<Response> | Response {
  const { words, authority } = kit
  if (account === null) return kit.error(c, 404)
  const { secondFactors } = authority.accounts
  const { sealed, key, uri } = secondFactors.propose(
    account,
    authority.settings.siteName,
    given.sealed ?? null,
  )
  const code = field({
    name: 'code',
    label: words('secondStep.code'),
    autocomplete: 'one-time-code',
    inputMode: 'numeric',
    maxLength: 16,
  })
  const content = html`${problem(given.problem ?? null)}${notice(c.req.query('removed') === '1' ? words('secondStep.removed') : null)}
<p>${words('secondStep.why')}</p>
<form method="post" action="${PATH}" class="box">${hidden('csrf', frame.csrf)}${hidden('sealed', sealed)}${hidden('return_to', given.returnTo)}
<p>${words('secondStep.scan')}</p>
<div class="qr" role="img" aria-label="${words('secondStep.qr')}">${picture(uri)}</div>
<p class="hint">${words('secondStep.type')} <code class="key">${key}</code></p>
${code}
${button(words('secondStep.add'))}
</form>
${given.returnTo === PATH ? '' : html`<ul class="ways"><li><a href="${given.returnTo}">${words('secondStep.notNow')}</a></li></ul>`}`
  const { status = 200 } = given
  const title = words('secondStep.setUp')
  return kit.show(c, { status, title, content, wide: true, account: { ...frame, path: PATH } })
}

async function add(visit: Visit, kit: PageKit, form: (name: string) => string): Promise<Response> {
  const { session, account } = visit
  const { secondFactors } = kit.authority.accounts
  if (account === null) return kit.error(visit.c, 404)
  const returnTo = kit.returnTo(form('return_to'), PATH)
  const codes = await secondFactors.add(account, form('sealed'), form('code'))
  if (codes === null) {
    if ((await secondFactors.find(account.id)) !== null) return kit.redirect(visit.c, PATH)
    const wrong = kit.words('secondStep.wrong')
    return propose(visit, kit, { returnTo, sealed: form('sealed'), problem: wrong, status: 400 })
  }
  await session.revokeOthers({ fresh: false })
  const methods = [...withoutCode(session.authentication.methods), ...CODE]
  await session.reauthenticate({ methods, level: 'aal2' })
  // Forms are bound to the session, which has another id now.
  return showCodes({ ...visit, frame: { ...visit.frame, csrf: session.csrfToken() } }, kit, codes, returnTo)
}

function showCodes(
  { c, frame }: Visit,
  kit: PageKit,
  codes: readonly string[],
  returnTo: string,
): Promise<Response> {
  const { words } = kit
  const content = html`<div class="made" role="status"><p>${words('secondStep.codes')}</p>
<ul class="codes">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ul></div>
<p><a class="main" href="${returnTo}">${words('secondStep.done')}</a></p>`
  const title = words('secondStep.codesTitle')
  return kit.show(c, { title, content, wide: true, account: { ...frame, path: PATH } })
}

/** What a code adds to the methods of a proof (RFC 8176). */
const CODE: readonly string[] = ['otp', 'mfa']

function withoutCode(methods: readonly string[]): string[] {
  return methods.filter((method) => !CODE.includes(method))
}

/** Nothing of it is anybody's text but the squares. */
function picture(uri: string): Markup {
  return html`${raw(renderSVG(uri, { border: 2, pixelSize: 4 }).replace(/ xmlns="[^"]*"/, ''))}`
}
