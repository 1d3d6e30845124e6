import type { Hono } from 'hono'
import { html } from 'hono/html'
import { askAgain, forUsers, forUsersForms, isProven, type Visit } from './account-guard.ts'
import { DeviceCookie } from './device-cookie.ts'
import { button, field, hidden, problem } from './markup.ts'
import type { PageKit, Shown } from './page-kit.ts'
import { refusal } from './refusal.ts'
import { faultText, newPasswordField } from './sign-up-pages.ts'

const PATH = '/account/password'

/** A new password in exchange for the current one: all other sessions end, this one goes on under a new token (LIO-07). */
export function passwordPages(app: Hono, kit: PageKit): void {
  const device = new DeviceCookie(kit.authority.settings)
  kit.get(
    app,
    PATH,
    forUsers(kit, (visit) => show(visit, kit, null)),
  )
  kit.post(
    app,
    `${PATH}/first`,
    forUsersForms(kit, { back: PATH, fresh: true }, async (visit, form) => {
      const { c, session, userId } = visit
      const fault = await kit.authority.accounts.setFirstPassword(userId, form('new'), session.id)
      if (fault === 'unknown') return kit.redirect(c, PATH)
      if (fault !== null) return show(visit, kit, faultText(kit, fault), { status: 400 })
      await session.reauthenticate()
      return kit.redirect(c, '/account?changed=1')
    }),
  )
  kit.post(
    app,
    PATH,
    forUsersForms(kit, { back: PATH, fresh: false }, async (visit, form) => {
      const { c, session, userId } = visit
      const isDouble = (await kit.authority.accounts.secondFactors.find(userId)) !== null
      if (isDouble && !(await isProven(kit, visit))) return askAgain(kit, visit, PATH)
      const changed = await kit.authority.accounts.changePassword({
        id: userId,
        current: form('current'),
        password: form('new'),
        address: kit.address(c),
        device: device.read(c),
        keep: session.id,
      })
      if (changed.ok) {
        await session.reauthenticate(isDouble ? {} : { methods: ['pwd'], level: 'aal1' })
        return kit.redirect(c, '/account?changed=1')
      }
      if ('fault' in changed) return show(visit, kit, faultText(kit, changed.fault), { status: 400 })
      const { text, ...answer } = refusal(kit, changed)
      return show(visit, kit, changed.reason === 'invalid' ? kit.words('password.wrong') : text, answer)
    }),
  )
}

function show(
  { c, account, frame }: Visit,
  kit: PageKit,
  wrong: string | null,
  answer: Pick<Shown, 'status' | 'retryAfter'> = {},
): Response | Promise<Response> {
  const { words, authority } = kit
  if (account === null || authority.accounts.delegated) return kit.error(c, 404)
  const hasPassword = account.passwordChangedAt !== null
  const name = html`<input type="text" name="name" value="${account.name}" autocomplete="username" hidden>`
  const content = hasPassword
    ? html`${problem(wrong)}<p>${words('password.text')}</p>
<form method="post" action="${PATH}">
${hidden('csrf', frame.csrf)}
${name}
${field({ name: 'current', label: words('field.currentPassword'), type: 'password', autocomplete: 'current-password', focus: true })}
${newPasswordField(kit, authority.settings.minPasswordLength, 'new')}
${button(words('password.button'))}
</form>`
    : html`${problem(wrong)}<p>${words('password.none', { name: account.name })}</p>
<form method="post" action="${PATH}/first">
${hidden('csrf', frame.csrf)}
${name}
${newPasswordField(kit, authority.settings.minPasswordLength, 'new')}
${button(words('password.set'))}
</form>`
  return kit.show(c, { ...answer, title: words('password.title'), content, account: frame })
}
