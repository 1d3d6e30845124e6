import type { Hono } from 'hono'
import { html } from 'hono/html'
import { button, hidden } from './markup.ts'
import { type PageKit, readForm } from './page-kit.ts'

/** A link to it ends nothing: it shows a button, which does (LIO-05). */
export function logoutPages(app: Hono, kit: PageKit): void {
  const { words } = kit
  kit.get(app, '/logout', (c, session) => {
    if (session.userId === null) return kit.show(c, signedOut(kit))
    const returnTo = kit.returnTo(c.req.query('return_to'), '/logout')
    const content = html`<p>${words('logout.text')}</p>
<form method="post" action="/logout">${hidden('return_to', returnTo)}${button(words('logout.button'))}</form>`
    return kit.show(c, { title: words('logout.title'), content })
  })
  kit.post(app, '/logout', async (c, session) => {
    const form = await readForm(c)
    await session.logout()
    return kit.redirect(c, kit.returnTo(form('return_to'), '/logout'))
  })
}

function signedOut({ words }: PageKit) {
  const content = html`<p>${words('loggedOut.text')}</p><p><a class="main" href="/login">${words('loggedOut.again')}</a></p>`
  return { title: words('loggedOut.title'), content }
}
