import type { Hono } from 'hono'
import { html } from 'hono/html'
import { removeUser } from '../accounts/remove-user.ts'
import { storedData } from '../accounts/stored-data.ts'
import { askAgain, forUsers, forUsersForms, isProven, type Visit } from './account-guard.ts'
import { hidden, type Markup, problem } from './markup.ts'
import type { PageKit } from './page-kit.ts'
import { agoText } from './times.ts'

const PATH = '/account/data'

/** "My account": what is stored about somebody, as a page and as a file, and the end of it (AUD-06, LIO-08). */
export function dataPages(app: Hono, kit: PageKit): void {
  const { accounts } = kit.authority
  kit.get(
    app,
    PATH,
    forUsers(kit, (visit) => show(visit, kit, null)),
  )
  kit.get(
    app,
    `${PATH}/download`,
    forUsers(kit, (visit) => download(visit, kit)),
  )
  // An account of the owner's endpoint would be back at the next login.
  if (accounts.delegated) return
  kit.post(
    app,
    `${PATH}/delete`,
    forUsersForms(kit, { back: PATH, fresh: true }, (visit, form) =>
      remove(visit, kit, form('sure') === '1'),
    ),
  )
}

async function download(visit: Visit, kit: PageKit): Promise<Response> {
  const { c, account } = visit
  if (account === null) return kit.error(c, 404)
  if (!(await isProven(kit, visit))) return askAgain(kit, visit, PATH)
  return c.body(JSON.stringify(await storedData(kit.authority, account), null, 2), 200, {
    ...kit.headers(),
    'content-type': 'application/json; charset=utf-8',
    'content-disposition': 'attachment; filename="account.json"',
    'cache-control': 'no-store',
  })
}

async function remove(visit: Visit, kit: PageKit, isSure: boolean): Promise<Response> {
  const { c, session, userId } = visit
  if (!isSure) return show(visit, kit, kit.words('data.notSure'))
  const outcome = await removeUser(kit.authority, userId, { kind: 'user', id: userId })
  if (outcome === 'last-administrator') return show(visit, kit, kit.words('data.lastAdmin'))
  // It has ended with the account; this takes its cookie away.
  await session.logout()
  const content = html`<p>${kit.words('data.deleted')}</p>`
  return kit.show(c, { title: kit.words('data.deletedTitle'), content })
}

function show(
  { c, account, frame }: Visit,
  kit: PageKit,
  wrong: string | null,
): Response | Promise<Response> {
  const { words, authority } = kit
  if (account === null) return kit.error(c, 404)
  const { name, email, id, createdAt } = account
  const facts = [
    [words('data.name'), name],
    ...(email === null ? [] : [[words('data.email'), email] as const]),
    [words('data.id'), id],
    [words('data.created'), agoText(createdAt, authority.environment.now(), words)],
  ] as const
  const content = html`${problem(wrong)}<dl class="facts">${facts.map(
    ([term, fact]) => html`<div><dt>${term}</dt><dd>${fact}</dd></div>`,
  )}</dl>
<p>${words('data.text')}</p>
<p><a class="main" href="${PATH}/download">${words('data.download')}</a></p>
${authority.accounts.delegated ? '' : deletion(kit, frame.csrf)}`
  const status = wrong === null ? 200 : 400
  return kit.show(c, {
    status,
    title: words('data.title'),
    content,
    wide: true,
    account: { ...frame, path: PATH },
  })
}

function deletion({ words }: PageKit, csrf: string): Markup {
  return html`<h2>${words('data.deleteTitle')}</h2>
<form method="post" action="${PATH}/delete" class="box">${hidden('csrf', csrf)}
<p>${words('data.deleteText')}</p>
<label class="check"><input type="checkbox" name="sure" value="1" required><span>${words('data.sure')}</span></label>
<button class="danger">${words('data.delete')}</button></form>`
}
